// no_pipe_signal.h: writing to a peer that went away.
#pragma once
#include <cerrno>
#include <csignal>
#include <ctime>

namespace attest::atls {

// NoPipeSignal keeps a peer that went away from ending the program: OpenSSL writes with write(), and last words are often
// spoken to nobody. It holds SIGPIPE off this thread while it lives, and leaves errno alone.
class NoPipeSignal {
 public:
  NoPipeSignal() {
    sigset_t pending;
    ::sigemptyset(&pipe_);
    ::sigaddset(&pipe_, SIGPIPE);
    ::sigpending(&pending);
    was_pending_ = ::sigismember(&pending, SIGPIPE) == 1;
    ::pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
  }
  NoPipeSignal(const NoPipeSignal&) = delete;
  NoPipeSignal& operator=(const NoPipeSignal&) = delete;
  ~NoPipeSignal() {
    int error = errno;
    timespec now{};
    if (!was_pending_) ::sigtimedwait(&pipe_, nullptr, &now);
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
    errno = error;
  }

 private:
  sigset_t pipe_, before_;
  bool was_pending_;
};

}  // namespace attest::atls
