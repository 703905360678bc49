// publication.h: what others are told of a judged report: the result itself, findings in OCSF's form, a line for a map of
// who trusts whom.
#pragma once
#include "evidence/cmc/result.h"
#include "evidence/core/time.h"

namespace attest::publish {

inline constexpr std::size_t kMaxFindings = 256;  // of one result

// detection_findings are OCSF events of class Detection Finding (2004, schema 1.8.0): one for every artifact that ran and has
// no reference, the first 256 of a result; a result that failed for another reason has one of its own. Each is one JSON
// object. None for a result that did not fail.
std::vector<std::string> detection_findings(const cmc::AttestationResult& result, UnixTime when);

// network_event: {"verifier", "prover", "status", "time"}.
std::string network_event(const cmc::AttestationResult& result);

}  // namespace attest::publish
