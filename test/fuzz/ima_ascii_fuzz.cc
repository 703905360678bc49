#include "evidence/logs/ima/ascii.h"

#include "evidence/logs/ima_list.h"
#include "verifier/logs/ima.h"

// Text that is taken makes a list that parses, of a size in proportion, and can be judged.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace attest;
  auto made = ima::binary_of_ascii({data, size});
  if (!made) return 0;
  if (made->bytes.size() > 3 * size) __builtin_trap();
  auto list = parse_ima_list(made->bytes, Stray::refuse, made->hash_size);
  if (!list) return 0;  // PCRs and lengths out of bounds
  if (!judge_ima(*list, made->hash_size, {})) __builtin_trap();
  for (const ImaEntry& entry : list->entries) (void)check_ima_signature(entry, {});
  return 0;
}
