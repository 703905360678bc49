#include "evidence/cmc/proto.h"

// The first byte picks the call and the direction. A request that decodes is encoded and decodes to the same bytes.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace attest;
  using namespace attest::cmc;
  if (size == 0) return 0;
  View message(data + 1, size - 1);
  Call call = static_cast<Call>(1 + data[0] % 9);
  if ((data[0] & 0x80) != 0) {
    (void)decode_proto_response(call, message);
    return 0;
  }
  auto request = decode_proto_request(call, message);
  if (!request) return 0;
  Bytes once = encode_proto_request(*request);
  auto again = decode_proto_request(call, once);
  if (!again || encode_proto_request(*again) != once) __builtin_trap();
  return 0;
}
