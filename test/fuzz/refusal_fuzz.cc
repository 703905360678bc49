#include "verifier/explain/explain.h"

// A stored verdict that reads must read the same once more after it was written, and be shown without anything that moves a
// terminal.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace attest;
  std::string_view text(reinterpret_cast<const char*>(data), size);
  auto refusal = parse_refusal(text);
  if (!refusal) return 0;
  std::string json = appraisal_json(refusal->appraisal);
  auto again = parse_appraisal(json);
  if (!again || appraisal_json(*again) != json) __builtin_trap();
  (void)explain_json(*refusal);
  for (char c : explain_text(*refusal))
    if ((c >= 0 && c < ' ' && c != '\n') || c == 0x7f) __builtin_trap();
  return 0;
}
