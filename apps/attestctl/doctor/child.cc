#include "apps/attestctl/doctor/child.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/close_range.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <thread>

namespace attest::ctl::doctor {
namespace {

namespace fs = std::filesystem;

constexpr int kCannotStart = 127;

// become runs in the child alone, between fork and exec: nothing but calls that are safe there.
[[noreturn]] void become(const Command& command, char* const* argv, char* const* envp) {
  setpgid(0, 0);
  int log = open(command.log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0666);
  int nothing = open("/dev/null", O_RDONLY);
  bool ready = log >= 0 && nothing >= 0 && dup2(nothing, 0) == 0 && dup2(log, 1) == 1 && dup2(log, 2) == 2;
  close_range(3, ~0U, 0);
  if (command.user)
    ready = ready && setgroups(0, nullptr) == 0 && setgid(command.user->gid) == 0 &&
            setuid(command.user->uid) == 0;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (ready && chdir(command.folder.c_str()) == 0) execve(argv[0], argv, envp);
  _exit(kCannotStart);
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (std::string& text : texts) out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

}  // namespace

Result<TempFolder> TempFolder::make() {
  std::error_code failed;
  std::string path = (fs::temp_directory_path(failed) / "attest-doctor-XXXXXX").string();
  if (failed || mkdtemp(path.data()) == nullptr) return Error{Errc::io, "no folder for temporary files"};
  TempFolder folder(path);
  // Copies run as other users and write their logs here; the name is known to nobody else.
  if (chmod(path.c_str(), 0777) != 0) return Error{Errc::io, path + ": cannot be opened to others"};
  return folder;
}

TempFolder::~TempFolder() {
  std::error_code ignored;
  if (!path_.empty()) fs::remove_all(path_, ignored);
}

std::optional<User> find_user(const std::string& name) {
  passwd entry{};
  passwd* found = nullptr;
  std::array<char, 16384> buffer{};
  if (geteuid() != 0 || getpwnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found) != 0 || !found)
    return std::nullopt;
  return User{entry.pw_uid, entry.pw_gid};
}

Result<Child> Child::start(const Command& command) {
  std::vector<std::string> argv = command.argv, env;
  for (const auto& [name, value] : command.env) env.push_back(name + "=" + value);
  std::vector<char*> argv_pointers = pointers(argv), env_pointers = pointers(env);
  pid_t pid = fork();
  if (pid < 0) return Error{Errc::io, "no process for " + command.argv[0]};
  if (pid == 0) become(command, argv_pointers.data(), env_pointers.data());
  setpgid(pid, pid);
  return Child(pid);
}

bool Child::running() {
  if (pid_ == 0) return false;
  int status = 0;
  if (waitpid(pid_, &status, WNOHANG) != pid_) return true;
  code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  kill(-pid_, SIGKILL);  // what it left behind in its group
  pid_ = 0;
  return false;
}

bool Child::wait(Clock::time_point deadline) {
  while (running()) {
    if (Clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

void Child::end() {
  if (!running()) return;
  kill(pid_, SIGTERM);
  if (wait(Clock::now() + std::chrono::seconds(2))) return;
  kill(-pid_, SIGKILL);
  wait(Clock::now() + std::chrono::seconds(2));
}

Child::~Child() { end(); }

Status run_to_end(const Command& command, Clock::time_point deadline) {
  TRY(Child child, Child::start(command));
  if (!child.wait(deadline)) return Error{Errc::io, command.argv[0] + " did not end in time"};
  if (child.code() != 0)
    return Error{Errc::io, command.argv[0] + " ended with " + std::to_string(child.code())};
  return ok();
}

}  // namespace attest::ctl::doctor
