#include "cmcd-lite/client/connection.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "cmcd-lite/client/socket_io.h"
#include "evidence/core/fd.h"

namespace attest {
namespace {

using Clock = std::chrono::steady_clock;

std::string reason(int error) { return std::strerror(error); }

// socket_inode tells sockets apart; nullopt when fd is closed or no socket.
std::optional<std::uint64_t> socket_inode(int fd) {
  struct stat st{};
  if (::fstat(fd, &st) != 0 || !S_ISSOCK(st.st_mode)) return std::nullopt;
  return st.st_ino;
}

// connect_unix: a Unix socket whose queue is full answers EAGAIN; try again until the deadline.
int connect_unix(int fd, const sockaddr_un& address, Clock::time_point deadline) {
  for (;;) {
    if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return 0;
    if (errno == EISCONN) return 0;
    if (errno != EINTR && errno != EAGAIN) return errno;
    if (Clock::now() >= deadline) return ETIMEDOUT;
    if (errno == EAGAIN) ::poll(nullptr, 0, 2);
  }
}

Status check_owner(int fd, const ClientOptions& options) {
  if (!options.daemon_uid) return ok();
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0)
    return Error{Errc::io, "daemon.unreachable: cannot ask who owns " + options.socket + ": " + reason(errno)};
  if (peer.uid == *options.daemon_uid) return ok();
  return Error{Errc::untrusted, "daemon.wrong-owner: " + options.socket + " is served by uid " + std::to_string(peer.uid) +
                                    ", expected uid " + std::to_string(*options.daemon_uid) +
                                    " (attest-daemon-uid in openssl.cnf)"};
}

// remedy: what a person can do about a socket that does not work.
const char* remedy(int error) {
  if (error == EACCES || error == EPERM) return " (this user may not open it: see \"sockets\" in /etc/attest/cmcd.json)";
  return " (is cmcd-lite running? systemctl status cmcd-lite)";
}

Error dead(const ClientOptions& options, const char* doing, int error) {
  const char* name = error == ETIMEDOUT ? "daemon.timeout" : "daemon.unreachable";
  return {Errc::io, std::string(name) + ": " + doing + " " + options.socket + ": " + reason(error) + remedy(error)};
}

}  // namespace

Connection::Connection(int fd, ClientOptions options)
    : fd_(fd), inode_(socket_inode(fd).value_or(0)), pid_(::getpid()), options_(std::move(options)) {}
Connection::Connection(Connection&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      inode_(other.inode_),
      pid_(other.pid_),
      options_(std::move(other.options_)) {}
Connection& Connection::operator=(Connection&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(inode_, other.inode_);
  std::swap(pid_, other.pid_);
  std::swap(options_, other.options_);
  return *this;
}
Connection::~Connection() {
  if (still_ours()) ::close(fd_);
}

bool Connection::still_ours() const { return fd_ >= 0 && socket_inode(fd_) == inode_; }

bool Connection::ready() const {
  pollfd p{fd_, POLLIN | POLLRDHUP, 0};
  return still_ours() && ::poll(&p, 1, 0) == 0;
}

Result<Connection> Connection::open(const ClientOptions& options) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (options.socket.empty() || options.socket.size() >= sizeof address.sun_path)
    return Error{Errc::denied, "daemon.unreachable: socket path \"" + options.socket + "\" is empty or longer than 107 bytes"};
  std::memcpy(address.sun_path, options.socket.data(), options.socket.size());
  OwnedFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (fd.get() < 0) return dead(options, "cannot make a socket for", errno);
  if (int error = connect_unix(fd.get(), address, Clock::now() + options.connect_timeout))
    return dead(options, "cannot connect to", error);
  CHECK_OK(check_owner(fd.get(), options));
  return Connection(fd.release(), options);
}

Result<Bytes> Connection::exchange(FrameType type, View payload, std::chrono::milliseconds timeout) {
  auto deadline = Clock::now() + timeout;
  CHECK_OK(send_call(type, payload, deadline));
  return receive_answer(type, deadline);
}

Status Connection::send_call(FrameType type, View payload, Clock::time_point deadline) {
  if (!still_ours()) fd_ = -1;  // the number may name a file of the program by now
  if (fd_ < 0) return dead(options_, "connection closed to", ECONNRESET);
  TRY(Bytes frame, encode_frame(type, payload));
  OwnedFd fd(std::exchange(fd_, -1));  // any early return leaves this connection dead
  if (int error = send_all(fd.get(), frame, deadline)) return dead(options_, "cannot send to", error);
  fd_ = fd.release();
  return ok();
}

Result<Bytes> Connection::receive_answer(FrameType type, Clock::time_point deadline) {
  if (!still_ours()) fd_ = -1;
  if (fd_ < 0) return dead(options_, "connection closed to", ECONNRESET);
  OwnedFd fd(std::exchange(fd_, -1));
  std::array<std::uint8_t, kFrameHeader> head{};
  if (int error = receive_all(fd.get(), head, deadline)) return dead(options_, "no answer from", error);
  TRY(FrameHeader header, parse_frame_header(head));
  Bytes answer;
  for (std::size_t left = header.length; left > 0;) {  // grow with what arrives, not with what is claimed
    std::size_t step = std::min<std::size_t>(left, 65536);
    answer.resize(answer.size() + step);
    if (int error = receive_all(fd.get(), std::span(answer).last(step), deadline))
      return dead(options_, "answer cut short by", error);
    left -= step;
  }
  if (header.type == static_cast<std::uint32_t>(FrameType::error)) {
    TRY(ErrorAnswer refusal, decode_error_answer(answer));
    fd_ = fd.release();
    return Error{refusal.code, refusal.name + ": " + refusal.text};
  }
  if (header.type != static_cast<std::uint32_t>(type))
    return Error{Errc::malformed, "daemon answered with frame type " + std::to_string(header.type)};
  fd_ = fd.release();
  return answer;
}

Result<BeginAnswer> Connection::begin(const BeginCall& call) {
  TRY(Bytes payload, encode_begin_call(call));
  TRY(Bytes answer, exchange(FrameType::begin, payload, options_.judge_timeout));
  return decode_begin_answer(answer);
}

Result<AttestAnswer> Connection::attest(const AttestCall& call) {
  TRY(Bytes payload, encode_attest_call(call));
  TRY(Bytes answer, exchange(FrameType::attest, payload, options_.quote_timeout));
  return decode_attest_answer(answer);
}

Status Connection::send_judge(const JudgeCall& call) {
  TRY(Bytes payload, encode_judge_call(call));
  return send_call(FrameType::judge, payload, Clock::now() + options_.judge_timeout);
}

Result<JudgeAnswer> Connection::receive_judge() {
  TRY(Bytes answer, receive_answer(FrameType::judge, Clock::now() + options_.judge_timeout));
  return decode_judge_answer(answer);
}

Result<JudgeAnswer> Connection::judge(const JudgeCall& call) {
  CHECK_OK(send_judge(call));
  return receive_judge();
}

Result<SignAnswer> Connection::sign(const SignCall& call) {
  TRY(Bytes payload, encode_sign_call(call));
  TRY(Bytes answer, exchange(FrameType::sign, payload, options_.quote_timeout));
  return decode_sign_answer(answer);
}

Result<KeyAnswer> Connection::key(const KeyCall& call) {
  TRY(Bytes payload, encode_key_call(call));
  TRY(Bytes answer, exchange(FrameType::key, payload, options_.judge_timeout));
  return decode_key_answer(answer);
}

Result<MachineCertAnswer> Connection::machine_cert() {
  TRY(Bytes answer, exchange(FrameType::machine_cert, {}, options_.judge_timeout));
  return decode_machine_cert_answer(answer);
}

Result<std::string> Connection::control(std::string_view json, std::chrono::milliseconds timeout) {
  TRY(Bytes answer, exchange(FrameType::control, as_view(json), timeout));
  return std::string(as_text(answer));
}

}  // namespace attest
