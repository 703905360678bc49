#include "cmcd-lite/server/cmc/api/api.h"

#include "cmcd-lite/server/engine/ak_enrolment.h"
#include "cmcd-lite/server/engine/reports.h"

namespace attest {
namespace {

constexpr std::size_t kMaxNonce = 256;

struct RightRow {
  cmc::Call call;
  Right right;
  const char* name;  // of the switch in "remote_calls"; nullptr: there is none
};
constexpr RightRow kRights[] = {{cmc::Call::attest, Right::raw, "attest"},
                                {cmc::Call::verify, Right::judge, nullptr},
                                {cmc::Call::peer_cache, Right::judge, nullptr},
                                {cmc::Call::tls_create, Right::control, "tls-create"},
                                {cmc::Call::tls_sign, Right::sign, "tls-sign"},
                                {cmc::Call::tls_cert, Right::sign, "tls-cert"}};

Status may_stranger(const CmcConfig& config, cmc::Call call, const char* name) {
  if (call == cmc::Call::verify || call == cmc::Call::peer_cache) return ok();
  std::string refused = std::string("daemon.denied: ") + cmc::call_name(call) + " is not served on a connection without peer credentials: ";
  if (name == nullptr) return Error{Errc::denied, refused + "use the Unix socket"};
  if (std::ranges::find(config.remote_calls, call) != config.remote_calls.end()) return ok();
  return Error{Errc::denied, refused + "use the Unix socket, or name \"" + name + "\" in \"remote_calls\" of \"cmc\" in cmcd.json"};
}

// may_use: some entry gives the right, whatever keys it names; the key itself is judged where it is used.
Status may_use(const State& state, const LocalPeer& peer, const std::vector<std::string>& callers, Right right) {
  auto grant = state.access.may({peer, callers}, right);
  if (!grant) return grant.error();
  return ok();
}

const std::vector<std::string>& callers_of(const State& state, const std::string& socket) {
  static const std::vector<std::string> everybody;
  auto at = std::ranges::find(state.config.cmc.sockets, socket, &CmcSocket::path);
  return at == state.config.cmc.sockets.end() ? everybody : at->callers;
}

// check_nonce: what a handshake's evidence is made over begins with "attest/"; nobody gets that over an API.
Status check_nonce(const Bytes& nonce) {
  if (nonce.empty()) return Error{Errc::denied, "Attest: the nonce is empty"};
  if (nonce.size() > kMaxNonce) return Error{Errc::denied, "Attest: a nonce of more than 256 bytes"};
  if (as_text(nonce).starts_with("attest/"))
    return Error{Errc::denied, "Attest: nonces beginning with \"attest/\" are those of handshakes"};
  return ok();
}

}  // namespace

Status may_call(const State& state, const CmcCall& call) {
  const auto* row = std::ranges::find(kRights, call.call, &RightRow::call);
  bool known = row != std::end(kRights);
  if (!call.peer) return may_stranger(state.config.cmc, call.call, known ? row->name : nullptr);
  return may_use(state, *call.peer, callers_of(state, call.socket), known ? row->right : Right::control);
}

void CmcApi::serve(CmcCall call, CmcReply reply) {
  StatePtr state = engine_.state.get();
  if (auto may = may_call(*state, call); !may) return reply.fail(may.error());
  auto request = cmc::decode_request(call.call, call.payload);
  if (!request) return reply.fail(request.error());
  call.payload = Bytes();
  Asked asked{std::move(call), std::move(*request), std::move(state), std::move(reply)};
  switch (asked.call.call) {
    case cmc::Call::attest:
      return attest(std::move(asked));
    case cmc::Call::verify:
      return verify(std::move(asked));
    case cmc::Call::peer_cache:
      return peer_cache(asked);
    case cmc::Call::measure:
      return measure(std::move(asked));
    case cmc::Call::update_certs:
    case cmc::Call::update_metadata:
      return update(asked);
    case cmc::Call::tls_create:
      return tls_->create(std::move(asked.call), std::move(asked.request), std::move(asked.state), std::move(asked.reply));
    case cmc::Call::tls_sign:
      return tls_->sign(asked.call, std::move(asked.request), *asked.state, asked.reply);
    case cmc::Call::tls_cert:
      return asked.reply.send(tls_->certificate(asked.call, asked.request, *asked.state));
    case cmc::Call::error:
      return asked.reply.fail({Errc::unsupported, "no call"});
  }
}

void CmcApi::attest(Asked asked) {
  if (auto good = check_nonce(asked.request.nonce); !good) return asked.reply.fail(good.error());
  ReportWish wish{std::move(asked.request.nonce), std::move(asked.request.cached), asked.call.encoding};
  make_report(engine_, asked.call.source(), std::move(wish), asked.state, [reply = asked.reply](Result<Bytes> report) {
    if (!report) return reply.fail(report.error());
    cmc::ApiResponse response;
    response.call = cmc::Call::attest;
    response.report = *std::move(report);
    reply.send(std::move(response));
  });
}

void CmcApi::verify(Asked asked) {
  auto task = std::make_shared<Asked>(std::move(asked));
  engine_.workers.post(task->call.source(), [this, task](Status go) {
    if (!go) return task->reply.fail(go.error());
    auto result = judge_report(task->request, task->call, *task->state->fleet, peers_, engine_.verdicts, engine_.clock());
    if (!result) return task->reply.fail(result.error());
    cmc::ApiResponse response;
    response.call = cmc::Call::verify;
    response.result = std::move(*result);
    task->reply.send(std::move(response));
  });
}

void CmcApi::peer_cache(const Asked& asked) {
  cmc::ApiResponse response;
  response.call = cmc::Call::peer_cache;
  response.cache = peers_.digests(asked.request.peer);
  asked.reply.send(std::move(response));
}

void CmcApi::update(const Asked& asked) {
  if (asked.call.call == cmc::Call::update_certs && asked.state->config.cmc.endorse_automatic) return enroll_and_read(asked);
  read_again(asked.call.call, asked.reply);
}

void CmcApi::enroll_and_read(const Asked& asked) {
  uid_t source = asked.call.source();
  engine_.enrolments->post(source, [this, source, state = asked.state, reply = asked.reply](const Status& go) {
    auto enrolled = go ? enroll_ak(engine_, source, *state) : Result<AkEnrolled>(go.error());
    if (!enrolled) return reply.fail(enrolled.error());
    read_again(cmc::Call::update_certs, reply);
  });
}

// read_again reads configuration, metadata and certificates again, all or nothing.
void CmcApi::read_again(cmc::Call call, const CmcReply& reply) {
  engine_.reload([reply, call](const Result<std::string>& done) {
    if (!done) return reply.fail(done.error());
    cmc::ApiResponse response;
    response.call = call;
    response.success = true;
    reply.send(std::move(response));
  });
}

}  // namespace attest
