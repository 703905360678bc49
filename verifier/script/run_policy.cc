#include "verifier/script/run_policy.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "evidence/core/fd.h"
#include "evidence/core/printable.h"

namespace attest {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::size_t kMaxAnswer = 4096;

// Process is the child; it never outlives this object.
class Process {
 public:
  Process(pid_t pid, OwnedFd in, OwnedFd out) : pid_(pid), in_(std::move(in)), out_(std::move(out)) {}
  Process(Process&& other) noexcept
      : pid_(std::exchange(other.pid_, -1)), in_(std::move(other.in_)), out_(std::move(other.out_)) {}
  Process& operator=(Process&&) = delete;
  ~Process() {
    if (pid_ < 0) return;
    ::kill(pid_, SIGKILL);
    while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
  OwnedFd& in() { return in_; }
  OwnedFd& out() { return out_; }

 private:
  pid_t pid_;
  OwnedFd in_, out_;
};

Result<std::pair<OwnedFd, OwnedFd>> make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return Error{Errc::io, "policy: no pipe"};
  return std::pair{OwnedFd(ends[0]), OwnedFd(ends[1])};
}

struct Actions {
  posix_spawn_file_actions_t all;
  Actions() { ::posix_spawn_file_actions_init(&all); }
  Actions(const Actions&) = delete;
  Actions& operator=(const Actions&) = delete;
  ~Actions() { ::posix_spawn_file_actions_destroy(&all); }
};

Result<Process> start(const std::string& child) {
  TRY(auto in, make_pipe());
  TRY(auto out, make_pipe());
  Actions actions;
  ::posix_spawn_file_actions_adddup2(&actions.all, in.first.get(), 0);
  ::posix_spawn_file_actions_adddup2(&actions.all, out.second.get(), 1);
  ::posix_spawn_file_actions_addopen(&actions.all, 2, "/dev/null", O_WRONLY, 0);
  std::string path = child;
  char* argv[] = {path.data(), nullptr};
  char* environment[] = {nullptr};
  pid_t pid = -1;
  if (int error = ::posix_spawn(&pid, path.c_str(), &actions.all, nullptr, argv, environment); error != 0)
    return Error{Errc::io, "policy: " + child + ": " + std::string(std::strerror(error))};
  ::fcntl(in.second.get(), F_SETFL, O_NONBLOCK);
  return Process(pid, std::move(in.second), std::move(out.first));
}

// wait_for an event until the deadline.
Status wait_for(int fd, short events, Clock::time_point deadline) {
  for (;;) {
    auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
    if (left <= 0) return Error{Errc::denied, "policy: it took too long"};
    pollfd one{fd, events, 0};
    int n = ::poll(&one, 1, static_cast<int>(std::min<long long>(left, 60000)));
    if (n > 0) return ok();
    if (n < 0 && errno != EINTR) return Error{Errc::io, "policy: poll failed"};
  }
}

Status send(int fd, View bytes, Clock::time_point deadline) {
  while (!bytes.empty()) {
    CHECK_OK(wait_for(fd, POLLOUT, deadline));
    ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (n <= 0) return Error{Errc::io, "policy: the child does not read"};
    bytes = bytes.subspan(static_cast<std::size_t>(n));
  }
  return ok();
}

Result<Bytes> receive(int fd, Clock::time_point deadline) {
  Bytes answer(kMaxAnswer);
  std::size_t have = 0;
  while (have < answer.size()) {
    CHECK_OK(wait_for(fd, POLLIN, deadline));
    ssize_t n = ::read(fd, answer.data() + have, answer.size() - have);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return Error{Errc::io, "policy: cannot read the answer"};
    if (n == 0) break;
    have += static_cast<std::size_t>(n);
  }
  answer.resize(have);
  return answer;
}

// NoSigpipe keeps a child that died from ending us: the signal is blocked, and taken away where it came.
class NoSigpipe {
 public:
  NoSigpipe() {
    sigemptyset(&set_);
    sigaddset(&set_, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &set_, &before_);
  }
  NoSigpipe(const NoSigpipe&) = delete;
  NoSigpipe& operator=(const NoSigpipe&) = delete;
  ~NoSigpipe() {
    timespec none{};
    ::sigtimedwait(&set_, nullptr, &none);
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }

 private:
  sigset_t set_, before_;
};

}  // namespace

// Child is one child that has been told nothing yet.
class PolicyRunner::Child : public Process {
 public:
  explicit Child(Process process) : Process(std::move(process)) {}
};

namespace {

Status tell(Process& process, View json, View script, Clock::time_point end) {
  Writer head;
  head.u32be(static_cast<std::uint32_t>(json.size()));
  head.u32be(static_cast<std::uint32_t>(script.size()));
  TRY(Bytes sizes, std::move(head).finish("policy"));
  for (View part : {View(sizes), json, script}) CHECK_OK(send(process.in().get(), part, end));
  process.in() = OwnedFd();
  return ok();
}

Result<PolicyAnswer> hear(Process& process, Clock::time_point end) {
  TRY(Bytes answer, receive(process.out().get(), end));
  if (answer.empty()) return Error{Errc::io, "policy: the child died: out of memory, or a call it may not make"};
  PolicyAnswer out;
  out.pass = answer.size() == 1 && answer[0] == 'P';
  if (!out.pass) out.why = printable(as_text(View(answer).subspan(1)), 400);
  return out;
}

Status check_sizes(View json, View script) {
  if (script.size() > kMaxPolicyScript) return Error{Errc::malformed, "policy: a script of more than 1 MiB"};
  if (json.size() > kMaxPolicyInput) return Error{Errc::malformed, "policy: a result of more than 128 MiB"};
  return ok();
}

}  // namespace

PolicyRunner::PolicyRunner(std::string child) : path_(std::move(child)) {}
PolicyRunner::~PolicyRunner() = default;

std::unique_ptr<PolicyRunner::Child> PolicyRunner::take() {
  std::lock_guard lock(mutex_);
  return std::move(ready_);
}

Result<std::unique_ptr<PolicyRunner::Child>> PolicyRunner::begin() const {
  std::string path = path_;
  if (path.empty()) {
    TRY(path, find_policy_child());
  }
  TRY(Process process, start(path));
  return std::make_unique<Child>(std::move(process));
}

void PolicyRunner::keep_one_ready() {
  auto started = begin();
  std::lock_guard lock(mutex_);
  if (started && !ready_) ready_ = *std::move(started);
}

Result<PolicyAnswer> PolicyRunner::run(View json, View script, std::chrono::milliseconds deadline) {
  CHECK_OK(check_sizes(json, script));
  auto end = Clock::now() + deadline;
  NoSigpipe quiet;
  std::unique_ptr<Child> child = take();
  if (!child || !tell(*child, json, script, end)) {  // a child that waited may have been killed meanwhile
    TRY(child, begin());
    CHECK_OK(tell(*child, json, script, end));
  }
  keep_one_ready();
  return hear(*child, end);
}

Result<PolicyAnswer> run_policy(const std::string& child, View json, View script, std::chrono::milliseconds deadline) {
  CHECK_OK(check_sizes(json, script));
  auto end = Clock::now() + deadline;
  NoSigpipe quiet;
  TRY(Process process, start(child));
  CHECK_OK(tell(process, json, script, end));
  return hear(process, end);
}

Result<std::string> find_policy_child() {
  std::error_code error;
  std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", error);
  if (error) return Error{Errc::io, "policy: /proc/self/exe: " + error.message()};
  std::filesystem::path folder = self.parent_path();
  for (const char* place : {"../libexec/attest/attest-policy", "../verifier/attest-policy", "../../verifier/attest-policy"}) {
    std::filesystem::path path = (folder / place).lexically_normal();
    if (::access(path.c_str(), X_OK) == 0) return path.string();
  }
  return Error{Errc::io, "policy: attest-policy is not installed (libexec/attest/attest-policy)"};
}

}  // namespace attest
