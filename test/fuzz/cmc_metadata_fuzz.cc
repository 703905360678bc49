#include "evidence/cmc/metadata.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace attest::cmc;
  auto metadata = parse_metadata({data, size});
  if (!metadata) return 0;
  for (Encoding encoding : {Encoding::json, Encoding::cbor}) (void)parse_metadata(encode_metadata(*metadata, encoding));
  return 0;
}
