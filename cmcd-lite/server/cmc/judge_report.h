// judge_report.h: reports judged by the roots and scripts of this machine.
#pragma once
#include "cmcd-lite/server/cmc/fleet.h"
#include "verifier/cmc/judge.h"

namespace attest {

// has_roots: denied where no roots are configured, so that nobody could be trusted.
Status has_roots(const Fleet& fleet);

// judge_in_fleet fills in what the fleet's configuration says and judges; then the scripts look at the result, the
// machine's and one further, and can only refuse. A script that cannot run is a refusal.
cmc::Judged judge_in_fleet(const Fleet& fleet, cmc::Question question, const std::optional<Bytes>& further);

}  // namespace attest
