#include <nlohmann/json.hpp>

#include "evidence/json/indent.h"
#include "evidence/json/reader.h"

namespace {

bool accepts(std::string_view text) {
  attest::JsonReader json(text);
  json.skip();
  return bool(json.done("input"));
}

}  // namespace

// Our reader takes no more than another strict one takes, and indenting changes no meaning.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text = attest::as_text({data, size});
  if (!accepts(text)) return 0;
  auto plain = nlohmann::json::parse(text, nullptr, false);
  bool float_overflow = plain.is_discarded() && text.find_first_of("eE0123456789") != text.npos;
  if (plain.is_discarded() && !float_overflow) __builtin_trap();
  std::string indented = attest::json_indent(text);
  if (!accepts(indented)) __builtin_trap();
  if (!plain.is_discarded() && nlohmann::json::parse(indented, nullptr, false) != plain) __builtin_trap();
  return 0;
}
