#include "cmcd-lite/server/cmc/judge_report.h"

#include "verifier/script/run_policy.h"

namespace attest {
namespace {

constexpr std::chrono::seconds kPolicyTime{5};

// apply_policy lets one script look at the result.
void apply_policy(const Fleet& fleet, View script, const char* whose, cmc::Judged& judged) {
  Bytes json = cmc::encode_result(judged.result, cmc::Encoding::json, fleet.forms.get());
  auto answer = fleet.policy_runner->run(json, script, kPolicyTime);
  if (answer && answer->pass) return;
  judged.result.summary.fail(cmc::kVerifyPolicies, std::string(whose) + (answer ? answer->why : answer.error().what));
  judged.trusted = false;
}

}  // namespace

Status has_roots(const Fleet& fleet) {
  if (fleet.memory) return ok();
  return Error{Errc::denied, "Verify: no roots are configured (\"signer_roots\" and \"ak_roots\" of \"cmc\" in cmcd.json)"};
}

cmc::Judged judge_in_fleet(const Fleet& fleet, cmc::Question question, const std::optional<Bytes>& further) {
  question.memory = fleet.memory.get();
  question.signers = &fleet.memory->signers();
  question.attestation_keys = &fleet.memory->attestation_keys();
  question.roots = fleet.roots;
  question.check_omsp = fleet.config.omsp;
  question.one_root = fleet.config.one_root;
  cmc::Judged judged = cmc::judge(question);
  for (const Bytes& script : fleet.policies) apply_policy(fleet, script, "policy of this machine: ", judged);
  if (further) apply_policy(fleet, *further, "policy of the call: ", judged);
  return judged;
}

}  // namespace attest
