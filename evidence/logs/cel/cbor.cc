#include "evidence/cbor/cbor.h"

#include "evidence/logs/cel/cel.h"

namespace attest::cel {
namespace {

using cbor::Type;

// Digests: a map from TPM_ALG_ID to bytes, or an array of maps {0: alg, 1: bytes}.
void read_digests(cbor::Reader& in, CelRecord& record) {
  if (in.peek() == Type::map) {
    std::size_t count = in.map(kMaxDigests);
    std::int64_t key = -1;
    for (std::size_t i = 0; i < count && in.good(); i++) {
      key = in.key(key);
      if (key > 0xffff) in.fail("digests: no hash");
      record.digests.push_back({static_cast<std::uint16_t>(key), to_bytes(in.bytes(64, 1))});
    }
    return;
  }
  std::size_t count = in.array(kMaxDigests);
  for (std::size_t i = 0; i < count && in.good(); i++) {
    if (in.map(2) != 2 || in.key(-1) != 0) in.fail("digests: no hash");
    auto alg = static_cast<std::uint16_t>(in.uint(0xffff));
    if (in.key(0) != 1) in.fail("digests: no value");
    record.digests.push_back({alg, to_bytes(in.bytes(64, 1))});
  }
}

void read_pair(cbor::Reader& in, CelRecord& record, bool pcclient) {
  if (in.map(2) != 2 || in.key(-1) != 0) in.fail("content: no type");
  if (pcclient)
    record.event_type = static_cast<std::uint32_t>(in.uint(0xffffffff));
  else
    record.name = in.text(255);
  if (in.key(0) != 1) in.fail("content: no data");
  record.data = to_bytes(in.bytes(kMaxLog));
}

CelRecord read_record(cbor::Reader& in) {
  CelRecord record;
  std::size_t count = in.map(8);
  std::int64_t key = -1;
  bool seen = false;
  for (std::size_t i = 0; i < count && in.good(); i++) {
    key = in.key(key);
    if (key == 0) {
      record.number = in.uint();
    } else if (key == 1 || key == 2 || key == 108) {
      if (seen) in.fail("two registers");
      seen = true;
      record.kind = key == 1 ? Register::pcr : key == 2 ? Register::nv_index : Register::rtmr;
      record.reg = static_cast<std::uint32_t>(in.uint(0xffffffff));
    } else if (key == 3) {
      read_digests(in, record);
    } else {
      record.content_type = content_name(static_cast<std::uint32_t>(key));
      if (key == 5 || key == 7)
        read_pair(in, record, key == 5);
      else
        record.data = to_bytes(in.raw());
    }
  }
  if (!seen) in.fail("no register");
  return record;
}

}  // namespace

Result<std::vector<CelRecord>> parse_cel_cbor(View bytes) {
  std::vector<CelRecord> records;
  cbor::Reader in(bytes);
  if (in.peek() == Type::array) {
    std::size_t count = in.array(kMaxRecords);
    for (std::size_t i = 0; i < count && in.good(); i++) records.push_back(read_record(in));
  } else {
    while (in.more()) {
      if (records.size() == kMaxRecords) in.fail("more than 65536 records");
      records.push_back(read_record(in));
    }
  }
  CHECK_OK(in.done("cel"));
  return records;
}

}  // namespace attest::cel
