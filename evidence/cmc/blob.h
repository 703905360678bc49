// blob.h: metadata items one after the other, as block devices hand them to machines.
#pragma once
#include <vector>

#include "evidence/core/bytes.h"

namespace attest::cmc {

inline constexpr std::size_t kMaxBlobBytes = 64 << 20;
inline constexpr std::size_t kMaxBlobItems = 1024;

// split_blob takes JSON objects and CBOR items apart, white space between JSON ones; zeros behind the last are padding. The
// views lie in blob. malformed if something else stands there, or beyond the limits; items before it do not count then.
Result<std::vector<View>> split_blob(View blob);

}  // namespace attest::cmc
