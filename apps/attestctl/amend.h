// amend.h: the smallest change of a manifest under which refused measurements pass.
#pragma once
#include "evidence/core/verdict.h"
#include "evidence/metadata/metadata.h"

namespace attest::ctl {

// amend changes the manifest called `name`: an unexpected measurement becomes an optional reference in front
// of the nearest one (which becomes optional too: old or new may be measured), or behind the last of its PCR;
// a missing one becomes optional. Returns one line a change for people; mismatch if nothing in the list is
// about this manifest.
Result<std::vector<std::string>> amend(Manifest& manifest, const std::string& name,
                                       const std::vector<Mismatch>& mismatches);

// amended_manifest is the manifest the first mismatch that metadata can allow belongs to; "" if it names
// none.
std::string amended_manifest(const std::vector<Mismatch>& mismatches);

}  // namespace attest::ctl
