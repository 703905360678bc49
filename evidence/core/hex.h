// hex.h: digests as people read them.
#pragma once
#include "evidence/core/bytes.h"

namespace attest {

// to_hex: lower case, two digits a byte.
std::string to_hex(View bytes);
// short_hex: the first 12 digits, as shown to people.
inline std::string short_hex(View bytes) { return to_hex(bytes).substr(0, 12); }
// from_hex accepts upper and lower case, at most max_bytes; malformed otherwise.
Result<Bytes> from_hex(std::string_view text, std::size_t max_bytes = 1 << 20);
// to_base64 with padding; to_base64url without.
std::string to_base64(View bytes);
std::string to_base64url(View bytes);
// from_base64 takes the standard alphabet with padding, from_base64url the URL alphabet without; both strict.
Result<Bytes> from_base64(std::string_view text, std::size_t max_bytes);
Result<Bytes> from_base64url(std::string_view text, std::size_t max_bytes);

}  // namespace attest
