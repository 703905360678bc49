#include "evidence/native/epoch.h"

// What decodes must encode to the same bytes: the format has one form only.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto decoded = attest::decode_signed_epoch({data, size});
  if (!decoded) return 0;
  auto again = attest::encode_signed_epoch(*decoded);
  if (!again || !attest::equal(*again, {data, size})) __builtin_trap();
  return 0;
}
