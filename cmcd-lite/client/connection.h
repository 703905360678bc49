// connection.h: one blocking connection to the daemon, with deadlines; what the module and the apps link.
#pragma once
#include <sys/types.h>

#include <chrono>
#include <optional>

#include "cmcd-lite/protocol/messages.h"

namespace attest {

struct ClientOptions {
  std::string socket = "/run/attest/attest.sock";
  std::optional<uid_t> daemon_uid;  // the uid the daemon must run as, checked by SO_PEERCRED; unset: not checked
  std::chrono::milliseconds connect_timeout{1000};
  std::chrono::milliseconds quote_timeout{10000};  // attest and sign
  std::chrono::milliseconds judge_timeout{5000};   // begin, judge, key
};

// Connection is one stream to cmcd-lite. Not thread safe; a connection whose call failed with io is dead. Errors name
// the socket and the remedy. A child process must not use a connection made before fork: see made_by().
class Connection {
 public:
  static Result<Connection> open(const ClientOptions& options);
  Connection(Connection&& other) noexcept;
  Connection& operator=(Connection&& other) noexcept;
  ~Connection();
  Result<BeginAnswer> begin(const BeginCall& call);
  Result<AttestAnswer> attest(const AttestCall& call);
  Result<JudgeAnswer> judge(const JudgeCall& call);
  // judge in two halves, for a caller that has other work meanwhile. Between them no other call may be made.
  Status send_judge(const JudgeCall& call);
  Result<JudgeAnswer> receive_judge();
  Result<SignAnswer> sign(const SignCall& call);
  Result<KeyAnswer> key(const KeyCall& call);
  Result<MachineCertAnswer> machine_cert();
  // control: JSON text in, JSON text out.
  Result<std::string> control(std::string_view json, std::chrono::milliseconds timeout);
  bool alive() const { return fd_ >= 0; }
  pid_t made_by() const { return pid_; }
  // ready: alive, the descriptor is still our socket (programs that become daemons close every descriptor and reuse the
  // number), the daemon has not closed its end and no answer lies unread.
  bool ready() const;

 private:
  Connection(int fd, ClientOptions options);
  bool still_ours() const;
  Result<Bytes> exchange(FrameType type, View payload, std::chrono::milliseconds timeout);
  Status send_call(FrameType type, View payload, std::chrono::steady_clock::time_point deadline);
  Result<Bytes> receive_answer(FrameType type, std::chrono::steady_clock::time_point deadline);
  int fd_ = -1;
  std::uint64_t inode_ = 0;  // of the socket: tells whether the number still names it
  pid_t pid_ = 0;
  ClientOptions options_;
};

}  // namespace attest
