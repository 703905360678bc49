// text.h: the texts of firmware and boot loaders, which say nothing about their encoding.
#pragma once
#include <string>

#include "evidence/core/bytes.h"

namespace attest::efi {

// from_utf16 turns UTF-16LE into UTF-8, to the first NUL; what is no character becomes '?'.
std::string from_utf16(View data);
// from_bytes takes UTF-8 or Latin text to the first NUL; bytes that are no UTF-8 become '?' where it is shown.
std::string from_bytes(View data);
// looks_like_utf16: whole 16-bit units, and Latin text in them.
bool looks_like_utf16(View data);
// from_any decides between the two.
std::string from_any(View data);
// is_text: printable ASCII, white space and NULs at the end alone.
bool is_text(View data);
// without_nuls drops the zero bytes at the end.
View without_nuls(View data);

}  // namespace attest::efi
