#include "provider/libattest/links.h"

#include "provider/libattest/exporter.h"

namespace attest::atls {
namespace {

// A peer may ask this often at once, and once a second over time: every answer costs a quote.
constexpr std::uint64_t kChallengesAtOnce = 10;

}  // namespace

Links::Links(const Settings& settings, SSL* ssl, Agent& agent)
    : settings_(settings),
      pipe_(std::make_unique<FramePipe>(ssl, settings.max_frame)),
      agent_(&agent),
      peer_(peer_of(ssl)),
      due_(begun_ + settings.reattest) {}

Result<Links> Links::make(const Settings& settings, SSL* ssl, const Outcome& outcome, Agent& agent, bool known) {
  if (outcome.failure) return *outcome.failure;
  Links out(settings, ssl, agent);
  bool server = SSL_is_server(ssl) == 1;
  if (!outcome.own_report.empty()) {
    TRY(Bytes binding, export_binding(ssl, server ? kServerLabel : kClientLabel));
    out.prover_.emplace(!server, binding, outcome.own_report);
  }
  if (outcome.judged) {
    TRY(Bytes binding, export_binding(ssl, server ? kClientLabel : kServerLabel));
    Bytes identity;
    if (known) {
      TRY(identity, identity_of(outcome.peer_report));
    }
    out.watcher_.emplace(server, binding, outcome.peer_report, std::move(identity));
  }
  return out;
}

Status Links::queue(Type type, View body) {
  Bytes payload{static_cast<std::uint8_t>(type)};
  payload.insert(payload.end(), body.begin(), body.end());
  return pipe_->queue(payload);
}

Clock::time_point Links::next_event() const {
  if (!watcher_) return Clock::time_point::max();
  if (watcher_->waiting()) return answer_due_;
  return settings_.reattest.count() > 0 ? due_ : Clock::time_point::max();
}

// watch sends the challenge that is due and notes the answer that did not come.
Status Links::watch() {
  if (Clock::now() < next_event()) return ok();
  if (watcher_->waiting()) return Error{Errc::stale, "the peer did not prove itself again in time"};
  return challenge_peer();
}

Status Links::challenge_peer() {
  TRY(Challenge challenge, watcher_->challenge());
  answer_due_ = Clock::now() + settings_.timeout;
  TRY(Bytes body, encode_challenge(challenge));
  return queue(Type::challenge, body);
}

Status Links::take_challenge(View body) {
  TRY(Challenge challenge, decode_challenge(body));
  if (!prover_) return Error{Errc::denied, "the peer asks for a proof that the mode does not provide for"};
  auto lived = static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::seconds>(Clock::now() - begun_).count());
  if (++challenges_ > kChallengesAtOnce + lived) return Error{Errc::denied, "the peer asks for proofs too often"};
  TRY(Answer answer, prover_->answer(challenge, *agent_));
  TRY(Bytes out, encode_answer(answer));
  return queue(Type::answer, out);
}

Status Links::take_data(View body) {
  if (ended_) return Error{Errc::malformed, "data after its end"};
  if (inbox_.size() + body.size() > kMaxInbox) return Error{Errc::denied, "the peer sends and does not prove itself"};
  ended_ = body.empty();
  inbox_.insert(inbox_.end(), body.begin(), body.end());
  return ok();
}

Status Links::take_frame(View payload) {
  View body = payload.subspan(1);
  switch (static_cast<Type>(payload[0])) {
    case Type::data:
      return take_data(body);
    case Type::challenge:
      return take_challenge(body);
    case Type::answer: {
      TRY(Answer answer, decode_answer(body));
      if (!watcher_) return Error{Errc::denied, "an answer that nobody waits for"};
      TRY(last_, watcher_->judge(answer, peer_, *agent_));
      due_ = Clock::now() + settings_.reattest;
      return ok();
    }
  }
  return Error{Errc::malformed, "a frame of type " + std::to_string(payload[0])};
}

// turn keeps the watch and moves what can be moved; only if nothing could be it waits, until something may have changed.
Result<FramePipe::Ready> Links::turn(const FramePipe::Local& local, bool reading, Clock::time_point limit) {
  CHECK_OK(watch());
  reading = reading || (watcher_ && watcher_->waiting());
  TRY(bool moved, pipe_->pump(reading));
  while (auto frame = pipe_->take()) {
    CHECK_OK(take_frame(*frame));
    moved = true;
  }
  if (moved) return FramePipe::Ready{};
  return pipe_->wait(local, reading, std::min(next_event(), limit));
}

Result<std::size_t> Links::read(std::span<std::uint8_t> out) {
  while (inbox_.empty() && !over()) CHECK_OK(turn({}, true));
  View left = View(inbox_).subspan(taken_);
  std::size_t size = std::min(out.size(), left.size());
  std::copy_n(left.begin(), size, out.begin());
  taken_ += size;
  if (taken_ == inbox_.size()) {
    inbox_.clear();
    taken_ = 0;
  }
  return size;
}

Status Links::flush() {
  while (pipe_->sending()) CHECK_OK(turn({}, true));
  return ok();
}

Status Links::write(View data) {
  while (!data.empty()) {
    CHECK_OK(watch());
    std::size_t step = std::min(data.size(), kMaxData);
    CHECK_OK(queue(Type::data, data.first(step)));
    CHECK_OK(flush());
    data = data.subspan(step);
  }
  return ok();
}

Status Links::end() {
  CHECK_OK(queue(Type::data, {}));
  return flush();
}

Result<Links::Ready> Links::wait(const FramePipe::Local& local, Until until, Clock::time_point limit) {
  for (;;) {
    Ready out;
    out.data = taken_ < inbox_.size();
    bool gone = ended_ || pipe_->closed();
    if (until == Until::data && out.data) return out;
    if (until != Until::local && gone) return out;
    TRY(FramePipe::Ready ready, turn(local, inbox_.size() < kEnough, limit));
    out.in = ready.in;
    out.out = ready.out;
    if (out.in || out.out || Clock::now() >= limit) return out;
  }
}

Status Links::reattest() {
  if (!watcher_) return Error{Errc::denied, "the mode does not provide for a proof of the peer"};
  if (!watcher_->waiting()) CHECK_OK(challenge_peer());
  while (watcher_->waiting()) {
    if (pipe_->closed()) return Error{Errc::io, "the peer closed the connection"};
    CHECK_OK(turn({}, true));
  }
  return ok();
}

}  // namespace attest::atls
