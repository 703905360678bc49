// cmc_handshake.h: CMC reports as evidence of handshakes: which profile a handshake has, reports given and reports judged.
#pragma once
#include "cmcd-lite/server/engine/engine.h"
#include "cmcd-lite/server/engine/judge.h"
#include "verifier/appraise.h"

namespace attest {

// wished_profiles is what a request under this policy says of profiles: nothing unless cmcd.json takes reports under it.
std::vector<std::uint8_t> wished_profiles(const State& state, std::string_view policy);

// chosen_profile: the first of the request's that this machine gives; unsupported "evidence.unsupported" if it gives none.
Result<Profile> chosen_profile(const State& state, const Request& request);

// give_report has a report made over a job's handshake, on the TPM's thread, and calls the job's done with the evidence.
// denied "evidence.too-large" where it does not fit into the handshake, and where files' names would be told to somebody
// who may not know them.
void give_report(Engine& engine, std::shared_ptr<const State> state, AttestJob job);

// judged_report judges what question.evidence holds. On a judge's thread.
Result<Appraisal> judged_report(const State& state, const BeginCall& begin, const Question& question, const Policy& policy);

// check_offered: the evidence is of a profile that the request of its handshake offered.
Status check_offered(View request, View evidence);

}  // namespace attest
