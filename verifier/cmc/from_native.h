// from_native.h: a verdict of ours in the form CMC's fleets know results by.
#pragma once
#include "evidence/cmc/result.h"
#include "verifier/appraise.h"

namespace attest::cmc {

// native_result says of an appraisal what a result 3.4.0 can say: status, freshness, every disagreement as an artifact,
// failed checks by name in the details.
AttestationResult native_result(const Appraisal& appraisal, Party prover, Party verifier, UnixTime when);

}  // namespace attest::cmc
