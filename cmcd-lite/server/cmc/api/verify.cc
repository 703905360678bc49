#include "cmcd-lite/server/cmc/api/api.h"
#include "cmcd-lite/server/cmc/judge_report.h"
#include "evidence/core/printable.h"

namespace attest {
namespace {

constexpr std::size_t kMaxPeerText = 256;
constexpr std::size_t kMaxKeptResult = 256 << 10;  // of a result that explain can show

// record takes the result along: it is told, and is shown in JSON.
void record(cmc::Judged judged, View json, const cmc::ApiRequest& request, const CmcCall& call, UnixTime now, Verdicts& verdicts) {
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
  record.result = std::make_shared<cmc::AttestationResult>(std::move(judged.result));
  record.appraisal = json.size() <= kMaxKeptResult ? std::string(as_text(json)) : "{}";
  verdicts.add(std::move(record));
}

}  // namespace

Result<Bytes> judge_report(const cmc::ApiRequest& request, const CmcCall& call, const Fleet& fleet, PeerCache& peers,
                           Verdicts& verdicts, UnixTime now) {
  CHECK_OK(has_roots(fleet));
  if (as_text(request.nonce).starts_with(kReservedNoncePrefix))
    return Error{Errc::denied, "Verify: nonces beginning with \"attest/\" are those of handshakes"};
  std::vector<Bytes> held = peers.items(request.peer);
  cmc::Question question;
  question.report = request.report;
  question.nonce = request.nonce;
  question.now = now;
  question.held = held;
  question.peer_id = printable(request.peer, kMaxPeerText);
  question.peer_ip = printable(request.peer_addr, kMaxPeerText);
  cmc::Judged judged = judge_in_fleet(fleet, std::move(question), request.policies);
  if (!judged.verified_items.empty()) peers.put(request.peer, judged.alg, judged.verified_items);
  Bytes json = cmc::encode_result(judged.result, cmc::Encoding::json, fleet.forms.get());
  Bytes answer;
  if (call.encoding != cmc::Encoding::json) answer = cmc::encode_result(judged.result, call.encoding, fleet.forms.get());
  record(std::move(judged), json, request, call, now, verdicts);
  return answer.empty() ? json : answer;
}

}  // namespace attest
