#include "evidence/logs/cel/cel.h"

#include "evidence/core/hash.h"

namespace attest::cel {
namespace {

constexpr std::uint8_t kRecordSeparator = 0x1e;
constexpr std::uint32_t kMaxPcr = 31;

std::size_t skip_blanks(View bytes) {
  std::size_t at = 0;
  while (at < bytes.size() && (bytes[at] == ' ' || bytes[at] == '\n' || bytes[at] == '\r' || bytes[at] == '\t')) at++;
  return at;
}

// TLV: a record number of 1 to 8 bytes, then the register.
bool looks_like_tlv(View bytes) {
  Reader in(bytes);
  std::uint8_t type = in.u8();
  std::uint32_t size = in.u32be();
  if (type != 0 || size == 0 || size > 8) return false;
  in.take(size);
  std::uint8_t next = in.u8();
  return in.good() && (next == 1 || next == 2 || next == 108);
}

// CBOR: an array of maps, or a map whose first key is the record number or the register.
bool looks_like_cbor(View bytes) {
  if (bytes.size() < 4) return false;
  std::size_t at = 0;
  if (bytes[0] >> 5 == 4) at = bytes[0] <= 0x97 ? 1 : bytes[0] == 0x98 ? 2 : bytes[0] == 0x99 ? 3 : bytes.size();
  return at + 1 < bytes.size() && bytes[at] >= 0xa3 && bytes[at] <= 0xa8 && bytes[at + 1] <= 2;
}

// JSON: an object or an array of objects; that it has digests is seen when it is read.
bool looks_like_json(View bytes) {
  std::size_t at = skip_blanks(bytes);
  std::string_view head = as_text(bytes.subspan(at, std::min<std::size_t>(bytes.size() - at, 4096)));
  return !head.empty() && (head[0] == '{' || head[0] == '[') && head.find("\"digests\"") != head.npos;
}

}  // namespace

std::optional<std::uint16_t> hash_id(std::string_view name) {
  if (name == "sm3_256" || name == "sm3") return std::uint16_t{0x0012};
  if (name == "sha3_256") return std::uint16_t{0x0027};
  if (name == "sha3_384") return std::uint16_t{0x0028};
  if (name == "sha3_512") return std::uint16_t{0x0029};
  auto alg = hash_alg_from_name(name);
  return alg ? std::optional(static_cast<std::uint16_t>(*alg)) : std::nullopt;
}

std::string content_name(std::uint32_t type) {
  switch (type) {
    case 4: return "cel";
    case 5: return "pcclient_std";
    case 7: return "ima_template";
    case 8: return "ima_tlv";
    case 9: return "systemd";
    case 80: return "cos";
    default: return std::to_string(type);
  }
}

Status check_record(const CelRecord& record, std::size_t number) {
  const char* why = nullptr;
  if (record.digests.empty() && record.content_type != "cel") why = "no digests";
  if (record.kind == Register::pcr && record.reg > kMaxPcr) why = "a PCR above 31";
  if (record.kind == Register::rtmr && record.reg > 4) why = "an RTMR above 4";
  for (std::size_t i = 0; i < record.digests.size(); i++) {
    auto alg = hash_alg_from_id(record.digests[i].alg);
    if (alg && record.digests[i].value.size() != digest_size(*alg)) why = "a digest of another length than its hash";
    for (std::size_t j = 0; j < i; j++)
      if (record.digests[i].alg == record.digests[j].alg) why = "two digests of one bank";
  }
  if (why == nullptr) return ok();
  return Error{Errc::malformed, "cel: record " + std::to_string(number) + ": " + why};
}

bool looks_like_cel(View bytes) {
  return (!bytes.empty() && bytes[0] == kRecordSeparator) || looks_like_json(bytes) || looks_like_tlv(bytes) || looks_like_cbor(bytes);
}

Result<CelLog> parse_cel(View bytes) {
  if (bytes.size() > kMaxLog) return Error{Errc::malformed, "cel: longer than 16 MiB"};
  CelLog log;
  std::size_t first = skip_blanks(bytes);
  std::uint8_t head = first < bytes.size() ? bytes[first] : 0;
  if (bytes.empty()) return log;
  if (bytes[0] == kRecordSeparator || head == '{') {
    log.encoding = Encoding::json_sequence;
    TRY(log.records, parse_cel_json(as_text(bytes), true));
  } else if (head == '[') {
    TRY(log.records, parse_cel_json(as_text(bytes), false));
  } else if (looks_like_tlv(bytes)) {
    log.encoding = Encoding::tlv;
    TRY(log.records, parse_cel_tlv(bytes));
  } else {
    log.encoding = Encoding::cbor;
    TRY(log.records, parse_cel_cbor(bytes));
  }
  for (std::size_t i = 0; i < log.records.size(); i++) CHECK_OK(check_record(log.records[i], i));
  return log;
}

}  // namespace attest::cel
