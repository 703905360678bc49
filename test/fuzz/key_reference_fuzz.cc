#include <cstdlib>

#include "evidence/native/key_reference.h"

// A reference has one encoding: what parses must be built again byte for byte. Text that is PEM must come
// back, too.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace attest;
  View input(data, size);
  if (auto reference = parse_key_reference(input)) {
    auto again = encode_key_reference(*reference);
    if (!again || !equal(*again, input)) std::abort();
  }
  if (auto reference = parse_key_reference_pem(as_text(input))) {
    auto pem = key_reference_pem(*reference);
    if (!pem || !parse_key_reference_pem(*pem)) std::abort();
  }
  return 0;
}
