#include "cmcd-lite/server/cmc/judge_report.h"

#include "verifier/script/run_policy.h"

namespace attest {
namespace {

constexpr std::chrono::seconds kPolicyTime{5};

void refuse(cmc::Judged& judged, const std::string& why) {
  judged.result.summary.fail(cmc::kVerifyPolicies, why);
  judged.trusted = false;
}

// apply_policy lets one script look at the result.
void apply_policy(PolicyRunner& runner, View script, const char* whose, cmc::Judged& judged) {
  Bytes json = cmc::encode_result(judged.result, cmc::Encoding::json);
  auto answer = runner.run(json, script, kPolicyTime);
  if (answer && answer->pass) return;
  refuse(judged, std::string(whose) + (answer ? answer->why : answer.error().what));
}

}  // namespace

Status has_roots(const Fleet& fleet) {
  if (fleet.signers && fleet.attestation_keys) return ok();
  return Error{Errc::denied, "Verify: no roots are configured (\"signer_roots\" and \"ak_roots\" of \"cmc\" in cmcd.json)"};
}

cmc::Judged judge_in_fleet(const Fleet& fleet, cmc::Question question, const std::optional<Bytes>& further) {
  question.signers = &*fleet.signers;
  question.attestation_keys = &*fleet.attestation_keys;
  question.roots = fleet.roots;
  question.check_omsp = fleet.config.omsp;
  question.one_root = fleet.config.one_root;
  cmc::Judged judged = cmc::judge(question);
  if (fleet.policies.empty() && !further) return judged;
  std::shared_ptr<PolicyRunner> runner = fleet.policy_runner;
  if (!runner) {
    auto child = find_policy_child();
    if (!child) {
      refuse(judged, child.error().what);
      return judged;
    }
    runner = std::make_shared<PolicyRunner>(*std::move(child));
  }
  for (const Bytes& script : fleet.policies) apply_policy(*runner, script, "policy of this machine: ", judged);
  if (further) apply_policy(*runner, *further, "policy of the call: ", judged);
  return judged;
}

}  // namespace attest
