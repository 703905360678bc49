#include "provider/hook/judge.h"

#include <openssl/x509v3.h>

#include "provider/hook/inputs.h"

namespace attest {
namespace {

// explain adds the way to the details unless the daemon's text already says it.
std::string explain(const JudgeAnswer& answer) {
  std::string text = answer.name + ": " + answer.text;
  if (answer.verdict_id != 0 && text.find("attestctl explain") == std::string::npos)
    text += " (see attestctl explain " + std::to_string(answer.verdict_id) + ")";
  return text;
}

Result<std::shared_ptr<Link::Judging>> send_evidence(const Call& call, const X509* leaf, bool x509_ok) {
  Handshake& now = call.now();
  if (!now.fault.empty()) return Error{Errc::malformed, now.fault};
  if (!now.link)
    return Error{Errc::denied, "hook.no-request: no request went out, so no evidence can be believed"};
  JudgeCall judgement;
  judgement.handle = now.handle;
  TRY(judgement.inputs,
      collect_inputs(call, call.server ? Role::client : Role::server, now.our_request, leaf));
  judgement.evidence = std::move(now.evidence_in);
  judgement.peer = peer_name(call);
  judgement.x509_ok = x509_ok;
  return now.link->start(judgement);
}

Result<JudgeAnswer> ask_daemon(const Call& call, const X509* leaf, bool x509_ok) {
  Handshake& now = call.now();
  if (!now.judging) now.judging = send_evidence(call, leaf, x509_ok);
  if (!*now.judging) return now.judging->error();
  return now.link->wait(***now.judging);
}

void keep(const Call& call, const Result<JudgeAnswer>& answer) {
  Handshake& now = call.now();
  if (!answer) {
    now.why = answer.error().what;
  } else if (answer->outcome == JudgeOutcome::accepted) {
    now.judged = Judged::accepted;
    now.verdict = answer->verdict_id;
  } else {
    now.why = explain(*answer);
    if (answer->outcome == JudgeOutcome::observed) now.judged = Judged::observed;
  }
  call.log(now.judged == Judged::refused ? 1 : 2,
           std::string(now.judged == Judged::accepted ? "accepted " : "not accepted ") + peer_name(call) +
               (now.why.empty() ? "" : ": ") + now.why);
}

// The program verifies the name if it told OpenSSL which, or if the administrator says that it does.
bool name_verified(const Call& call) {
  if (call.hook.settings.name_checked) return true;
  X509_VERIFY_PARAM* param = SSL_get0_param(call.ssl);
  return X509_VERIFY_PARAM_get0_host(param, 0) != nullptr || X509_VERIFY_PARAM_get0_email(param) != nullptr;
}

}  // namespace

Status ask(const Call& call) {
  Handshake& now = call.now();
  if (now.link && !now.our_request.empty()) return ok();
  const Settings& settings = call.hook.settings;
  BeginCall begin{call.server ? Role::server : Role::client, call.demand(), settings.policy, peer_name(call),
                  settings.name_checked};
  TRY(Link::Begun begun, Link::begin(call.hook.pool, begin));
  if (auto header = parse_request_header(begun.answer.request); !header) return header.error();
  now.link = std::move(begun.link);
  now.handle = begun.answer.handle;
  now.our_request = std::move(begun.answer.request);
  return ok();
}

void start_judging(const Call& call, const X509* leaf) noexcept {
  Handshake& now = call.now();
  if (now.judged != Judged::no || now.judging || call.hook.settings.name_checked) return;
  try {
    now.judging = send_evidence(call, leaf, false);
  } catch (const std::exception&) {
    now.judging = Error{Errc::io, "internal: out of memory while judging the peer"};
  }
}

Judged judge(const Call& call, const X509* leaf, bool x509_ok) noexcept {
  Handshake& now = call.now();
  if (now.judged != Judged::no) return now.judged;
  now.judged = Judged::refused;  // until found otherwise
  try {
    keep(call, ask_daemon(call, leaf, x509_ok));
  } catch (const std::exception&) {
    now.judged = Judged::refused;  // reason_for_refusal says that memory was short
  }
  now.link.reset();
  now.judging.reset();
  Bytes().swap(now.evidence_in);
  return now.judged;
}

std::string record_silence(const Call& call) {
  Handshake& now = call.now();
  if (!ask(call)) return {};
  JudgeCall silence;
  silence.handle = now.handle;
  silence.inputs.prover = Role::client;
  silence.inputs.request = std::exchange(now.our_request, {});
  silence.peer = peer_name(call);
  auto link = std::exchange(now.link, nullptr);
  auto sent = link->start(silence);
  auto answer = sent ? link->wait(**sent) : Result<JudgeAnswer>(sent.error());
  return answer && answer->verdict_id != 0 ? " (see attestctl explain " + std::to_string(answer->verdict_id) + ")" : "";
}

std::string reason_for_refusal(const Call& call) {
  const Handshake& now = call.now();
  if (now.judged == Judged::no)
    return "peer.unjudged: the peer's certificate was never shown to the attest module";
  return now.why.empty() ? "internal: out of memory while judging the peer" : now.why;
}

bool may_release(const Call& call) {
  if (!call.hook.settings.evidence || call.quic())
    return false;  // the client's binder has no exporter over QUIC
  if (call.demand() != Mode::off) return call.now().judged == Judged::accepted && call.requires_evidence();
  return (SSL_get_verify_mode(call.ssl) & SSL_VERIFY_PEER) != 0 &&
         SSL_get_verify_result(call.ssl) == X509_V_OK && name_verified(call);
}

}  // namespace attest
