// claims.h: the signed metadata a machine names, chosen from what the verifier itself holds.
#pragma once
#include "verifier/case.h"

namespace attest {

// choose_metadata finds every item of the context: in the active set, or among the items that came with the evidence,
// verified and not older than what the active set holds. Notes each kind of failure; false if items are missing or do not make up one
// image (then nothing can be compared). An expired item is noted and used, so that the rest is still told.
bool choose_metadata(const Case& c, const ActiveSet& active_set, ClaimedMetadata& out, Verdict& verdict);

// required_by_metadata: anchors without which the reference values of these manifests cannot be judged.
std::vector<AnchorKind> required_by_metadata(const ClaimedMetadata& metadata);
// needs_hardware: the certification level of the manifests as a whole cannot rest on software alone.
bool needs_hardware(const ClaimedMetadata& metadata);

}  // namespace attest
