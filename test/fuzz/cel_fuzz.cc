#include "verifier/logs/cel.h"

// What parses has registers and digests within bounds, costs memory in proportion, and can be judged.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace attest;
  (void)cel::looks_like_cel({data, size});
  auto log = cel::parse_cel({data, size});
  if (!log) return 0;
  if (log->records.size() > size / 4 + 1) __builtin_trap();
  for (std::size_t i = 0; i < log->records.size(); i++)
    if (!cel::check_record(log->records[i], i)) __builtin_trap();
  auto judged = judge_cel(*log, {});
  if (judged && judged->bindings.size() != log->records.size()) __builtin_trap();
  return 0;
}
