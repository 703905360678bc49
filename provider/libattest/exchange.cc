#include "provider/libattest/exchange.h"

#include "evidence/core/printable.h"

namespace attest::atls {
namespace {

// What the peer is told of a failure of ours: which step, and no more. Anybody who can connect reads it.
constexpr std::string_view kToldPeer = "attestation failed";

// Side is one exchange on its way.
class Side {
 public:
  Side(const Exchange& exchange, Frames& frames, Agent& agent) : exchange_(exchange), frames_(frames), agent_(agent) {}

  Outcome run() {
    Status done = steps();
    if (!done) fail(std::move(done).error());
    if (out_.failure) frames_.give_up();
    finish();
    return std::move(out_);
  }

 private:
  Status steps() {
    CHECK_OK(requests());
    if (exchange_.server) {
      CHECK_OK(respond());
      return hear();
    }
    CHECK_OK(hear());
    return respond();
  }

  // held fills in what our agent holds of the peer.
  Status held(std::vector<std::string>& cached) {
    if (!exchange_.verifies() || exchange_.peer.id.empty()) return ok();
    TRY(cached, agent_.peer_cache(exchange_.peer.id));
    return frames_.in_time();
  }

  // requests are exchanged even where our agent has failed: a peer reads one frame after the other, and takes whatever
  // comes first for our request.
  Status requests() {
    cmc::AtlsRequest ours;
    ours.attest = exchange_.mode;
    Status known = held(ours.cached);
    Status asked = ask(ours);
    return known ? asked : known;
  }

  Status ask(const cmc::AtlsRequest& ours) {
    CHECK_OK(frames_.send(encode_atls(ours, exchange_.encoding)));
    TRY(Bytes payload, frames_.receive());
    auto request = cmc::decode_atls_request(payload);
    if (!request) {  // a peer whose agent failed says so before it ever asked
      auto said = cmc::decode_atls_response(payload);
      if (said && !said->error.empty()) return Error{Errc::denied, "the peer gave up: " + printable(said->error, 200)};
      return request.error();
    }
    cmc::AtlsRequest theirs = *std::move(request);
    if (theirs.attest != exchange_.mode)
      return Error{Errc::denied, std::string("the peer wants mode ") + attest_mode_name(theirs.attest) + ", ours is " +
                                     attest_mode_name(exchange_.mode)};
    if (exchange_.shown) known_ = std::move(theirs.cached);
    owes_response_ = true;
    return ok();
  }

  // respond sends our report, or an empty response where we need not prove.
  Status respond() {
    cmc::AtlsResponse ours;
    if (exchange_.proves()) {
      const Bindings& bindings = exchange_.bindings;
      TRY(ours.report, agent_.attest(exchange_.server ? bindings.server : bindings.client, known_));
      if (ours.report.empty()) return Error{Errc::io, "the daemon gave an empty report"};
      CHECK_OK(frames_.in_time());
    }
    owes_response_ = false;
    CHECK_OK(frames_.send(encode_atls(ours, exchange_.encoding)));
    out_.own_report = std::move(ours.report);
    return ok();
  }

  Status hear() {
    TRY(Bytes payload, frames_.receive());
    TRY(cmc::AtlsResponse theirs, cmc::decode_atls_response(payload));
    if (!theirs.error.empty())
      return Error{Errc::denied, "the peer cannot prove itself: " + printable(theirs.error, 200)};
    if (!exchange_.verifies()) return ok();
    if (theirs.report.empty()) return Error{Errc::denied, "the peer sent no report"};
    const Bindings& bindings = exchange_.bindings;
    TRY(out_.judgement,
        agent_.verify(theirs.report, exchange_.server ? bindings.client : bindings.server, exchange_.peer));
    out_.judged = true;
    out_.peer_report = std::move(theirs.report);
    if (!out_.judgement.accepted) return Error{Errc::untrusted, "the peer was refused: " + out_.judgement.why};
    return frames_.in_time();
  }

  // finish tells the peer how it went and hears the same of it. A peer that heard our request and wanted another mode reads
  // Complete next, one that waits for our response reads that first: it says that we gave up.
  void finish() {
    cmc::AtlsComplete ours;
    ours.success = !out_.failure;
    if (!ours.success) {
      ours.error = kToldPeer;
      if (owes_response_) (void)frames_.send(encode_atls(cmc::AtlsResponse{ours.error, {}}, exchange_.encoding));
    }
    Status sent = frames_.send(encode_atls(ours, exchange_.encoding));
    if (out_.failure) return drain();
    if (!sent) return fail(std::move(sent).error());
    Status heard = hear_complete();
    if (!heard) fail(std::move(heard).error());
  }

  Status hear_complete() {
    TRY(Bytes payload, frames_.receive());
    TRY(cmc::AtlsComplete theirs, cmc::decode_atls_complete(payload));
    if (theirs.success) return ok();
    return Error{Errc::denied, "the peer refused us: " + printable(theirs.error, 200)};
  }

  // drain hears the peer out, so that closing the connection does not take our last words from it.
  void drain() {
    for (int frame = 0; frame < 3; frame++) {
      auto payload = frames_.receive();
      if (!payload || cmc::decode_atls_complete(*payload)) return;
    }
  }

  void fail(Error why) {
    if (!out_.failure) out_.failure = std::move(why);
  }

  const Exchange& exchange_;
  Frames& frames_;
  Agent& agent_;
  std::vector<std::string> known_;  // metadata the peer holds of us
  bool owes_response_ = false;      // the peer reads one next
  Outcome out_;
};

}  // namespace

Outcome run_exchange(const Exchange& exchange, Frames& frames, Agent& agent) {
  return Side(exchange, frames, agent).run();
}

}  // namespace attest::atls
