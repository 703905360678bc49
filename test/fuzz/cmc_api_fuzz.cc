#include "evidence/cmc/api.h"

// The first byte picks the call and the direction: agent and clients decode these from each other. What decodes is
// encoded again in both serialisations, and decodes to the same bytes.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace attest;
  using namespace attest::cmc;
  if (size == 0) return 0;
  View payload(data + 1, size - 1);
  Call call = static_cast<Call>(data[0] % 10);
  if ((data[0] & 0x80) == 0) {
    auto request = decode_request(call, payload);
    if (!request) return 0;
    for (Encoding encoding : {Encoding::json, Encoding::cbor}) {
      Bytes once = encode_request(*request, encoding);
      auto again = decode_request(call, once);
      if (again && encode_request(*again, encoding) != once) __builtin_trap();
    }
  } else if (auto response = decode_response(call, payload)) {
    (void)encode_response(*response, encoding_of(payload) ? *encoding_of(payload) : Encoding::json);
  }
  return 0;
}
