// Programs of the firmware, as far as measuring them needs.
#include "evidence/firmware/pe_image.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  attest::View file(data, size);
  auto image = attest::parse_pe_image(file);
  auto bytes = attest::authenticode_bytes(file);
  if (bytes && (!image || bytes->size() > 2 * size)) __builtin_trap();
  return 0;
}
