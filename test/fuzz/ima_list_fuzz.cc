#include "evidence/logs/ima_list.h"

namespace {

// size_of is what an entry takes in the list.
std::size_t size_of(const attest::ImaEntry& e) {
  return 4 + 20 + 4 + e.template_name.size() + (e.template_name == "ima" ? 0 : 4) + e.data.size();
}

}  // namespace

// The entries of a list that parses account for all its bytes; each can be replayed and shown.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace attest;
  auto list = parse_ima_list({data, size}, Stray::report);
  if (!list) return 0;
  auto hasher = Hasher::make(HashAlg::sha256);
  if (!hasher) __builtin_trap();
  std::size_t total = list->stray_bytes;
  for (const ImaEntry& e : list->entries) {
    total += size_of(e);
    if (!ima_measured_event(*hasher, e) || !ima_measured_event(*hasher, e, ImaExtend::padded_sha1))
      __builtin_trap();
    for (char c : ima_hint(e.template_name, e.data).name)
      if (c < 0x20 || c > 0x7e) __builtin_trap();
    (void)ima_fields(e.template_name, e.data);
  }
  if (total != size) __builtin_trap();
  if (bool(parse_ima_list({data, size})) != (list->stray_bytes == 0)) __builtin_trap();
  return 0;
}
