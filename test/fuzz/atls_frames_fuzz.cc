#include "evidence/cmc/atls.h"

// What decodes encodes, and decodes to the same again, in both serialisations.
namespace {

using namespace attest::cmc;

template <class Decode>
void round_trip(attest::View payload, Decode&& decode) {
  auto message = decode(payload);
  if (!message) return;
  for (Encoding encoding : {Encoding::json, Encoding::cbor}) {
    attest::Bytes once = encode_atls(*message, encoding);
    auto again = decode(once);
    if (!again && encoding == Encoding::json) continue;  // texts of CBOR need not be UTF-8
    if (!again || encode_atls(*again, encoding) != once) __builtin_trap();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  attest::View in(data, size);
  if (size >= kAtlsHeader) (void)parse_atls_header(in.first(kAtlsHeader));
  round_trip(in, decode_atls_request);
  round_trip(in, decode_atls_response);
  round_trip(in, decode_atls_complete);
  return 0;
}
