#include "test/support/child.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <thread>
#include <utility>

namespace attest::test {
namespace {

// Between fork and exec nothing may allocate: the pointers are ready before.
[[noreturn]] void become(char* const* argv, const char* log) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  int in = open("/dev/null", O_RDONLY);
  int out = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
  dup2(in, 0);
  dup2(out, 1);
  dup2(out, 2);
  close_range(3, ~0U, 0);  // a daemon in this process may be talking to its TPM: who holds that connection too keeps it open
  execvp(argv[0], argv);
  _exit(127);
}

}  // namespace

Child Child::start(const std::vector<std::string>& argv, const std::string& log) {
  std::vector<char*> pointers;
  for (const std::string& arg : argv) pointers.push_back(const_cast<char*>(arg.c_str()));
  pointers.push_back(nullptr);
  Child child;
  child.pid_ = fork();
  if (child.pid_ == 0) become(pointers.data(), log.c_str());
  return child;
}

Child::Child(Child&& other) noexcept : pid_(std::exchange(other.pid_, -1)) {}
Child& Child::operator=(Child&& other) noexcept {
  std::swap(pid_, other.pid_);
  return *this;
}

int Child::wait() {
  if (!running()) return -1;
  int status = -1;
  if (waitpid(pid_, &status, 0) != pid_) status = -1;
  pid_ = -1;
  return status;
}

int Child::kill() {
  if (!running()) return -1;
  ::kill(pid_, SIGKILL);
  return wait();
}

int Child::stop() {
  if (!running()) return -1;
  ::kill(pid_, SIGTERM);
  for (int i = 0; i < 200; i++) {
    int status = -1;
    if (waitpid(pid_, &status, WNOHANG) == pid_) {
      pid_ = -1;
      return status;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return kill();
}

int run(const std::vector<std::string>& argv, const std::string& log) {
  int status = Child::start(argv, log).wait();
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

}  // namespace attest::test
