// utf8.h: is this text UTF-8?
#pragma once
#include <string_view>

namespace attest {

// utf8_size is the size of the well-formed sequence text begins with (Unicode table 3-7); 0 if it begins with none.
std::size_t utf8_size(std::string_view text);
// valid_utf8: the whole text is well formed.
bool valid_utf8(std::string_view text);

}  // namespace attest
