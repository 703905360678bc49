// links.h: a stream of data that lives as long as the other end goes on proving itself.
#pragma once
#include "provider/libattest/connection.h"
#include "provider/libattest/link.h"

namespace attest::atls {

// Links carries the program's data over an attested connection on which both ends agreed on kAlpnLinks. Inside TLS:
// u32 length | u8 type | body, with the types below. Whoever reads or writes keeps the watch: challenges go out when they
// are due and the peer's are answered. After an error the connection is to be closed. Not thread safe.
//
// A peer that neither reads nor writes for Settings::reattest + Settings::timeout cannot answer and is dropped.
class Links {
 public:
  enum class Type : std::uint8_t { data = 0, challenge = 1, answer = 2 };
  static constexpr std::size_t kMaxData = 16 << 10;   // of one frame
  static constexpr std::size_t kMaxInbox = 16 << 20;  // data taken in while an answer is waited for

  // make: outcome is that of the exchange and succeeded. ssl and agent are lent. malformed if the peer's report names no
  // machine (agents of tests: pass known = false).
  static Result<Links> make(const Settings& settings, SSL* ssl, const Outcome& outcome, Agent& agent, bool known = true);
  // read waits for data and returns how much it put into out; 0: the peer closed its end in order. untrusted or stale: it
  // failed to prove itself again, or not in time.
  Result<std::size_t> read(std::span<std::uint8_t> out);
  // write sends all of it, and takes the peer's frames in between.
  Status write(View data);
  // reattest challenges the peer now and waits for the verdict.
  Status reattest();
  const Judgement& last() const { return last_; }

 private:
  Links(const Settings& settings, SSL* ssl, Agent& agent);
  Status send(Type type, View body);
  Status watch();
  Status challenge_peer();
  Status take_frame();
  Status take_challenge(View body);
  Clock::time_point next_event() const;
  Settings settings_;
  std::unique_ptr<TlsFrames> frames_;
  Agent* agent_;
  PeerName peer_;
  std::optional<Prover> prover_;
  std::optional<Watcher> watcher_;
  Clock::time_point begun_ = Clock::now(), due_, answer_due_;
  std::uint64_t challenges_ = 0;  // of the peer's
  Bytes inbox_;
  std::size_t taken_ = 0;  // of the inbox
  bool closed_ = false;
  Judgement last_;
};

}  // namespace attest::atls
