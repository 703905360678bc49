// identity.h: is the peer who it should be, and does it bring what it must?
#pragma once
#include "verifier/claims.h"

namespace attest {

// check_identified: something ties the evidence to this name: a pinned key, a checked certificate, or a rule for any name.
void check_identified(const Case& c, Verdict& verdict);
// check_anchors_allowed: every anchor present is allowed by the rule and of a kind that is judged.
void check_anchors_allowed(const Case& c, Verdict& verdict);
// check_anchors_required: what the rule demands is there. Never follows from what arrived.
void check_anchors_required(const Case& c, Verdict& verdict);
// check_anchors_of_metadata: so is what the manifests have reference values for.
void check_anchors_of_metadata(const Case& c, const ClaimedMetadata& metadata, Verdict& verdict);
// check_claims: image and service are among those the rule allows.
void check_claims(const Case& c, const ClaimedMetadata& metadata, Verdict& verdict);

bool anchor_allowed(const Case& c, AnchorKind kind);

}  // namespace attest
