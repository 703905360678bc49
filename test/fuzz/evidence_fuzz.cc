#include "evidence/native/message.h"
#include "evidence/native/profile.h"

// What decodes must encode to the same bytes: the format has one form only.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (auto report = attest::decode_report_evidence({data, size}))
    if (!attest::equal(attest::encode_report_evidence(*report), {data, size})) __builtin_trap();
  auto decoded = attest::decode_evidence({data, size});
  if (!decoded) return 0;
  auto again = attest::encode_evidence(*decoded);
  if (!again || !attest::equal(*again, {data, size})) __builtin_trap();
  return 0;
}
