#include "cmcd-lite/server/cmc/api.h"
#include "evidence/core/printable.h"
#include "verifier/cmc/judge.h"
#include "verifier/script/run_policy.h"

namespace attest {
namespace {

constexpr std::chrono::seconds kPolicyTime{5};
constexpr std::size_t kMaxPeerText = 256;
constexpr std::size_t kMaxKeptResult = 256 << 10;  // of a result that explain can show

// apply_policy lets one script look at the result; it can refuse and nothing else.
void apply_policy(PolicyRunner& runner, View script, const char* whose, cmc::Judged& judged) {
  Bytes json = cmc::encode_result(judged.result, cmc::Encoding::json);
  auto answer = runner.run(json, script, kPolicyTime);
  if (answer && answer->pass) return;
  judged.result.summary.fail(cmc::kVerifyPolicies, std::string(whose) + (answer ? answer->why : answer.error().what));
  judged.trusted = false;
}

Status apply_policies(const cmc::ApiRequest& request, const Fleet& fleet, cmc::Judged& judged) {
  if (fleet.policies.empty() && !request.policies) return ok();
  std::shared_ptr<PolicyRunner> runner = fleet.policy_runner;
  if (!runner) {
    TRY(std::string child, find_policy_child());
    runner = std::make_shared<PolicyRunner>(std::move(child));
  }
  for (const Bytes& script : fleet.policies) apply_policy(*runner, script, "policy of this machine: ", judged);
  if (request.policies) apply_policy(*runner, *request.policies, "policy of the call: ", judged);
  return ok();
}

void record(const cmc::Judged& judged, const cmc::ApiRequest& request, const CmcCall& call, UnixTime now, Verdicts& verdicts) {
  const cmc::Finding& summary = judged.result.summary;
  VerdictRecord record;
  record.when = now;
  record.peer = printable(request.peer_addr.empty() ? judged.result.prover.hostname : request.peer_addr, kMaxPeerText);
  record.uid = call.source();
  record.pid = call.peer ? call.peer->pid : 0;
  record.service = "cmc";
  record.policy = "cmc";
  record.trusted = judged.trusted;
  record.outcome = judged.trusted ? JudgeOutcome::accepted : JudgeOutcome::refused;
  if (!judged.trusted) {
    record.name = "cmc." + (summary.codes.empty() ? std::string("refused") : std::to_string(summary.codes.front()));
    record.why = printable(summary.details, 1000);
  }
  Bytes json = cmc::encode_result(judged.result, cmc::Encoding::json);
  record.appraisal = json.size() <= kMaxKeptResult ? std::string(as_text(json)) : "{}";
  verdicts.add(std::move(record));
}

}  // namespace

Result<Bytes> judge_report(const cmc::ApiRequest& request, const CmcCall& call, const Fleet& fleet, PeerCache& peers,
                           Verdicts& verdicts, UnixTime now) {
  if (!fleet.signers || !fleet.attestation_keys)
    return Error{Errc::denied, "Verify: no roots are configured (\"signer_roots\" and \"ak_roots\" of \"cmc\" in cmcd.json)"};
  std::vector<Bytes> held = peers.items(request.peer);
  cmc::Question question;
  question.report = request.report;
  question.nonce = request.nonce;
  question.now = now;
  question.signers = &*fleet.signers;
  question.attestation_keys = &*fleet.attestation_keys;
  question.roots = fleet.roots;
  question.held = held;
  question.check_omsp = fleet.config.omsp;
  question.one_root = fleet.config.one_root;
  question.peer_id = printable(request.peer, kMaxPeerText);
  question.peer_ip = printable(request.peer_addr, kMaxPeerText);
  cmc::Judged judged = cmc::judge(question);
  if (!judged.verified_items.empty()) peers.put(request.peer, judged.alg, judged.verified_items);
  CHECK_OK(apply_policies(request, fleet, judged));
  record(judged, request, call, question.now, verdicts);
  return cmc::encode_result(judged.result, call.encoding);
}

}  // namespace attest
