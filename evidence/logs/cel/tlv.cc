#include "evidence/logs/cel/cel.h"

namespace attest::cel {
namespace {

constexpr std::uint8_t kNumber = 0, kPcr = 1, kNvIndex = 2, kDigests = 3, kRtmr = 108;
constexpr std::uint8_t kPcClient = 5, kImaTemplate = 7, kCos = 80;

struct Tlv {
  std::uint8_t type = 0;
  View value;
};

Tlv take(Reader& in) {
  Tlv tlv;
  tlv.type = in.u8();
  tlv.value = in.take32be(kMaxLog);
  return tlv;
}

std::uint64_t number(View value, Reader& in) {
  if (value.empty() || value.size() > 8) in.fail();
  std::uint64_t out = 0;
  for (std::uint8_t byte : value) out = out << 8 | byte;
  return out;
}

void read_digests(View value, Reader& outer, CelRecord& record) {
  Reader in(value);
  while (in.more()) {
    Tlv digest = take(in);
    if (record.digests.size() == kMaxDigests || digest.value.size() > 64) in.fail();
    record.digests.push_back({digest.type, to_bytes(digest.value)});
  }
  if (!in.good()) outer.fail();
}

// A content of two fields: 0 what it is, 1 what was measured.
void read_pair(View value, Reader& outer, CelRecord& record, bool pcclient) {
  Reader in(value);
  Tlv first = take(in), second = take(in);
  if (!in.good() || in.more() || first.type != 0 || second.type != 1) return outer.fail();
  if (pcclient)
    record.event_type = static_cast<std::uint32_t>(number(first.value, outer));
  else
    record.name = as_text(first.value);
  record.data = to_bytes(second.value);
}

void read_cos(View value, CelRecord& record) {
  constexpr std::string_view kNames[] = {"image reference", "image digest",     "restart policy", "image id",
                                         "argument",        "environment",      "overriding argument",
                                         "overriding environment", "launch separator", "memory monitor"};
  Reader in(value);
  Tlv inner = take(in);
  if (!in.good() || in.more()) return;
  record.name = inner.type < std::size(kNames) ? std::string(kNames[inner.type]) : std::to_string(inner.type);
  record.text = as_text(inner.value);
}

void read_content(const Tlv& content, View whole, Reader& in, CelRecord& record) {
  record.content_type = content_name(content.type);
  if (content.type == kPcClient || content.type == kImaTemplate)
    return read_pair(content.value, in, record, content.type == kPcClient);
  if (content.type == kCos) read_cos(content.value, record);
  record.data = to_bytes(whole);
}

CelRecord read_record(Reader& in, View bytes) {
  CelRecord record;
  Tlv first = take(in), reg = take(in), digests = take(in);
  if (first.type != kNumber || digests.type != kDigests) in.fail();
  if (reg.type != kPcr && reg.type != kNvIndex && reg.type != kRtmr) in.fail();
  record.number = number(first.value, in);
  std::uint64_t where = number(reg.value, in);
  if (where > 0xffffffff) in.fail();
  record.kind = reg.type == kNvIndex ? Register::nv_index : reg.type == kRtmr ? Register::rtmr : Register::pcr;
  record.reg = static_cast<std::uint32_t>(where);
  read_digests(digests.value, in, record);
  View rest = bytes.last(in.left());
  Tlv content = take(in);
  if (in.good()) read_content(content, rest.first(content.value.size() + 5), in, record);
  return record;
}

}  // namespace

Result<std::vector<CelRecord>> parse_cel_tlv(View bytes) {
  std::vector<CelRecord> records;
  Reader in(bytes);
  while (in.more()) {
    if (records.size() == kMaxRecords) return Error{Errc::malformed, "cel: more than 65536 records"};
    records.push_back(read_record(in, bytes));
    if (!in.good()) return Error{Errc::malformed, "cel: record " + std::to_string(records.size() - 1) + ": truncated or out of bounds"};
  }
  return records;
}

}  // namespace attest::cel
