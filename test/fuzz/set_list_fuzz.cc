#include "evidence/metadata/set_list.h"

// What parses can be written, and reads back as the same list.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto list = attest::parse_set_list({data, size});
  if (!list) return 0;
  auto text = attest::write_set_list(*list);
  if (!text) return 0;  // times beyond what RFC 3339 can say
  auto again = attest::parse_set_list(attest::as_view(*text));
  if (!again || again->sequence != list->sequence || again->entries.size() != list->entries.size()) __builtin_trap();
  return 0;
}
