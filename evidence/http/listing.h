// listing.h: the names in a folder as web servers list them.
#pragma once
#include <string>
#include <vector>

#include "evidence/core/bytes.h"

namespace attest::http {

inline constexpr std::size_t kMaxListed = 4096;

// listed_names are the targets of the anchors between <pre> and </pre>, as they stand in href, without those that lead to the
// folder itself, up, or to another sorting of the list ("?C=N"). What join refuses is not in it either. malformed if there is
// no such part, or more than 4,096 names.
Result<std::vector<std::string>> listed_names(std::string_view html);

}  // namespace attest::http
