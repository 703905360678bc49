// child.h: private copies of programs: started in a temporary folder, ended by their pid, never left behind.
#pragma once
#include <sys/types.h>

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "evidence/core/result.h"

namespace attest::ctl::doctor {

using Clock = std::chrono::steady_clock;
using Environment = std::map<std::string, std::string>;

// TempFolder is a folder of our own under the system's folder for temporary files; others may enter it. It
// goes with everything in it.
class TempFolder {
 public:
  static Result<TempFolder> make();
  ~TempFolder();
  TempFolder(TempFolder&& other) noexcept : path_(std::move(other.path_)) { other.path_.clear(); }
  TempFolder(const TempFolder&) = delete;
  const std::string& path() const { return path_; }

 private:
  explicit TempFolder(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

// User is whom a copy runs as; nullopt where we are not root: then it is whoever asked.
struct User {
  uid_t uid;
  gid_t gid;
};
std::optional<User> find_user(const std::string& name);

struct Command {
  std::vector<std::string> argv;
  Environment env;
  std::string folder;  // its working folder
  std::string log;     // stdout and stderr
  std::optional<User> user;
};

// Child is a running copy. The destructor ends it: SIGTERM, then SIGKILL to its whole process group.
class Child {
 public:
  // start: io if it cannot be started at all. A program that ends at once has started.
  static Result<Child> start(const Command& command);
  ~Child();
  Child(Child&& other) noexcept : pid_(other.pid_), code_(other.code_) { other.pid_ = 0; }
  Child(const Child&) = delete;
  // running says whether it still runs, without waiting.
  bool running();
  // wait waits until it ends, at most until `deadline`; false if it still runs then.
  bool wait(Clock::time_point deadline);
  // code is the exit code of a copy that ended; 128 + N for signal N.
  int code() const { return code_; }

 private:
  explicit Child(pid_t pid) : pid_(pid) {}
  void end();
  pid_t pid_;
  int code_ = 0;
};

// run_to_end starts a copy and waits for it; io if it does not end in time or its exit code is not 0.
Status run_to_end(const Command& command, Clock::time_point deadline);

}  // namespace attest::ctl::doctor
