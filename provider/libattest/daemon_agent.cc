#include "provider/libattest/daemon_agent.h"

#include "evidence/cmc/codec.h"
#include "evidence/core/printable.h"

namespace attest::atls {
namespace {

using cmc::ApiRequest;
using cmc::ApiResponse;
using cmc::Call;
using cmc::Field;

constexpr Field kResult[] = {{"summary", 2}};
constexpr Field kFinding[] = {{"status", Field::kTextKey}, {"details", 4}};

// ask calls the agent. What it refuses says nothing of the peer: to the connection it is an agent that failed.
Result<ApiResponse> ask(const CmcClientOptions& agent, const ApiRequest& request) {
  auto answer = cmc_call(agent, request);
  if (!answer && answer.error().code == Errc::denied) return Error{Errc::io, answer.error().what};
  return answer;
}

}  // namespace

DaemonAgent::DaemonAgent(CmcClientOptions options, std::optional<Bytes> policies)
    : options_(std::move(options)), policies_(std::move(policies)) {}

Result<std::vector<std::string>> DaemonAgent::peer_cache(const std::string& peer_id) {
  ApiRequest request;
  request.call = Call::peer_cache;
  request.peer = peer_id;
  TRY(ApiResponse answer, ask(options_, request));
  return std::move(answer.cache);
}

Result<Bytes> DaemonAgent::attest(View nonce, const std::vector<std::string>& cached) {
  ApiRequest request;
  request.call = Call::attest;
  request.nonce = to_bytes(nonce);
  request.cached = cached;
  TRY(ApiResponse answer, ask(options_, request));
  return std::move(answer.report);
}

Result<Judgement> DaemonAgent::verify(View report, View nonce, const PeerName& peer) {
  ApiRequest request;
  request.call = Call::verify;
  request.nonce = to_bytes(nonce);
  request.report = to_bytes(report);
  request.peer = peer.id;
  request.peer_addr = peer.address;
  request.policies = policies_;
  CmcClientOptions json = options_;
  json.encoding = cmc::Encoding::json;  // the result is for people and programs, whatever the reports are
  TRY(ApiResponse answer, ask(json, request));
  return read_judgement(std::move(answer.result));
}

Result<Judgement> read_judgement(Bytes result) {
  std::string status, details;
  bool read = false;
  cmc::JsonSource in(as_text(result));
  in.object(kResult, [&](std::size_t) {
    in.object(kFinding, [&](std::size_t field) { (field == 0 ? status : details) = in.text(); });
    read = in.good();
    in.fail("the rest is not read");
  });
  if (!read) CHECK_OK(in.done("attestation result"));
  if (status.empty()) return Error{Errc::malformed, "attestation result: without a status"};
  Judgement out;
  out.warned = status == "warn";
  out.accepted = out.warned || status == "success";
  out.why = details.empty() ? "status " + printable(status, 20) : printable(details, 400);
  out.result = std::move(result);
  return out;
}

}  // namespace attest::atls
