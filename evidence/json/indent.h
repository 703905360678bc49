// indent.h: JSON as people read it.
#pragma once
#include <string>
#include <string_view>

namespace attest {

// json_indent spreads well-formed JSON over lines, four spaces a level; a newline at the end.
std::string json_indent(std::string_view json);

}  // namespace attest
