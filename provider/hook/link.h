// link.h: the connection on which the daemon issues our nonces and judges the answers.
#pragma once
#include <memory>
#include <mutex>
#include <optional>

#include "provider/daemon.h"

namespace attest {

// Link carries the nonces of many handshakes: one a thread, so that a server with a thousand slow clients
// holds one connection to the daemon and not a thousand. A handshake keeps the link its nonce was issued on;
// whichever thread ends it may judge. It dies with its connection, and with it every nonce on it.
class Link {
 public:
  // Judging is one judgement under way.
  struct Judging {
    std::optional<Result<JudgeAnswer>> answer;  // once it was read
  };

  explicit Link(DaemonPool::Lease lease);
  // start sends the call, wait reads its answer: the daemon judges while the program checks the certificate.
  // Nothing is locked between the two, so the program's own callbacks may shake hands meanwhile; whatever
  // else is asked on this link first reads the answer for the one who will wait for it.
  Result<std::shared_ptr<Judging>> start(const JudgeCall& call);
  Result<JudgeAnswer> wait(Judging& judging);

  struct Begun;
  // begin issues a nonce on this thread's link, or on a new one where the daemon closed it or another process
  // made it.
  static Result<Begun> begin(const DaemonPool& pool, const BeginCall& call);

 private:
  bool usable();
  Result<BeginAnswer> begin(const BeginCall& call);
  Status check_process() const;
  void settle();
  const pid_t pid_;
  std::mutex
      mutex_;  // never locked before pid_ was found to be ours: a fork may have happened while it was held
  DaemonPool::Lease lease_;
  std::shared_ptr<Judging> pending_;  // whose answer was not read yet
};

struct Link::Begun {
  std::shared_ptr<Link> link;
  BeginAnswer answer;
};

}  // namespace attest
