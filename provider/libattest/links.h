// links.h: a stream of data that lives as long as the other end goes on proving itself.
#pragma once
#include "provider/libattest/connection.h"
#include "provider/libattest/frame_pipe.h"
#include "provider/libattest/link.h"

namespace attest::atls {

// Links carries the program's data over an attested connection on which both ends agreed on kAlpnLinks. Inside TLS:
// u32 length | u8 type | body, with the types below. Whoever reads, writes or waits keeps the watch: challenges go out when
// they are due and the peer's are answered. After an error the connection is to be closed. Not thread safe.
//
// A peer that neither reads nor writes nor waits for Settings::reattest + Settings::timeout cannot answer and is dropped.
class Links {
 public:
  enum class Type : std::uint8_t { data = 0, challenge = 1, answer = 2 };
  static constexpr std::size_t kMaxData = 16 << 10;   // of one frame
  static constexpr std::size_t kMaxInbox = 16 << 20;  // data taken in while an answer is waited for
  static constexpr std::size_t kEnough = 1 << 20;     // data taken in while the program only waits

  // make: outcome is that of the exchange and succeeded. ssl and agent are lent. malformed if the peer's report names no
  // machine (agents of tests: pass known = false).
  static Result<Links> make(const Settings& settings, SSL* ssl, const Outcome& outcome, Agent& agent, bool known = true);
  // read waits for data and returns how much it put into out; 0: the peer has no more. untrusted or stale: it failed to
  // prove itself again, or not in time.
  Result<std::size_t> read(std::span<std::uint8_t> out);
  // write sends all of it, and takes the peer's frames in between.
  Status write(View data);
  // end tells the peer that no more data comes; both ends go on proving themselves.
  Status end();
  // wait keeps the watch until a descriptor of the program's is ready, and no longer than to the limit. Until::gone returns,
  // with nothing ready, also once the peer has closed or has no more data, Until::data once there is data besides.
  enum class Until { local, gone, data };
  struct Ready : FramePipe::Ready {
    bool data = false;
  };
  Result<Ready> wait(const FramePipe::Local& local, Until until, Clock::time_point limit = Clock::time_point::max());
  // over: there is nothing more to read, now or later.
  bool over() const { return taken_ == inbox_.size() && (ended_ || pipe_->closed()); }
  // reattest challenges the peer now and waits for the verdict.
  Status reattest();
  const Judgement& last() const { return last_; }

 private:
  Links(const Settings& settings, SSL* ssl, Agent& agent);
  Status queue(Type type, View body);
  Result<FramePipe::Ready> turn(const FramePipe::Local& local, bool reading,
                                Clock::time_point limit = Clock::time_point::max());
  Status flush();
  Status watch();
  Status challenge_peer();
  Status take_frame(View payload);
  Status take_data(View body);
  Status take_challenge(View body);
  Clock::time_point next_event() const;
  Settings settings_;
  std::unique_ptr<FramePipe> pipe_;
  Agent* agent_;
  PeerName peer_;
  std::optional<Prover> prover_;
  std::optional<Watcher> watcher_;
  Clock::time_point begun_ = Clock::now(), due_, answer_due_;
  std::uint64_t challenges_ = 0;  // of the peer's
  Bytes inbox_;
  std::size_t taken_ = 0;  // of the inbox
  bool ended_ = false;     // the peer's data
  Judgement last_;
};

}  // namespace attest::atls
