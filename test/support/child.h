// child.h: a program started by a test and ended with it.
#pragma once
#include <sys/types.h>

#include <string>
#include <vector>

namespace attest::test {

// Child owns one running program. Its destructor ends it by pid: SIGTERM, after two seconds SIGKILL. The
// program dies with the test process as well, however that ends.
class Child {
 public:
  Child() = default;
  // start runs argv[0] from PATH; output goes to the file `log`, or nowhere. running() is false when fork
  // failed; a program that cannot be executed ends with status 127.
  static Child start(const std::vector<std::string>& argv, const std::string& log = "/dev/null");
  Child(Child&& other) noexcept;
  Child& operator=(Child&& other) noexcept;
  ~Child() { stop(); }
  bool running() const { return pid_ > 0; }
  pid_t pid() const { return pid_; }
  // stop sends the signal and waits; kill skips the courtesy. Both return the exit status as waitpid gives
  // it, or -1.
  int stop();
  int kill();
  // wait lets it end by itself.
  int wait();

 private:
  pid_t pid_ = -1;
};

// run starts a program, waits, and returns its exit code (-1 if it did not exit by itself).
int run(const std::vector<std::string>& argv, const std::string& log = "/dev/null");

}  // namespace attest::test
