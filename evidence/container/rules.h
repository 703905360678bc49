// rules.h: how far a container's configuration may differ from that of its reference (ociRules of an image description).
#pragma once
#include "evidence/container/config.h"

namespace attest::container {

// match_rules compares two sorted configurations. A rule mirrors the configuration's structure:
//   none, "mandatory"     equal
//   "optional"            equal, or not there in the measurement
//   "modifiable"          anything, or nothing
//   "subset"              a list whose elements all stand in the reference's
//   "additional[:VALUE]"  of members that the reference does not have: any value, or exactly this text
//   "replace:K=*,…;additional:K=*,K=V,…"   of lists of K=VALUE: variables with any value, and variables beyond the reference's
//   an object, a list of objects            member by member, element by element
// What no rule allows is a mismatch, with its path; rules of another form match nothing.
Status match_rules(const Json& reference, const Json& measured, const Json& rules);

}  // namespace attest::container
