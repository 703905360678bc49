#include <nlohmann/json.hpp>

#include "evidence/json/indent.h"
#include "evidence/json/reader.h"

namespace {

bool accepts(std::string_view text) {
  attest::JsonReader json(text);
  json.skip();
  return bool(json.done("input"));
}

// may_overflow: some number may be too big for a double, which the other reader refuses and RFC 8259 allows:
// at least three digits behind an e, or some 300 digits in a row.
bool may_overflow(std::string_view text) {
  std::size_t run = 0;
  bool exponent = false;
  for (std::size_t i = 0; i < text.size(); i++) {
    bool digit = text[i] >= '0' && text[i] <= '9';
    if (digit && run++ == 0)
      exponent = i > 0 && std::string_view("eE+-").find(text[i - 1]) != std::string_view::npos;
    if (!digit) run = 0;
    if ((exponent && run >= 3) || run >= 300) return true;
  }
  return false;
}

}  // namespace

// Our reader takes no more than another strict one takes, and indenting changes no meaning.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text = attest::as_text({data, size});
  if (!accepts(text)) return 0;
  auto plain = nlohmann::json::parse(text, nullptr, false);
  if (plain.is_discarded() && !may_overflow(text)) __builtin_trap();
  std::string indented = attest::json_indent(text);
  if (!accepts(indented)) __builtin_trap();
  if (!plain.is_discarded() && nlohmann::json::parse(indented, nullptr, false) != plain) __builtin_trap();
  return 0;
}
