// forked.h: tests in processes of their own. A test program must not touch OpenSSL before it forks: each child
// then reads its own OPENSSL_CONF.
#pragma once
#include <sys/types.h>

#include <functional>
#include <map>
#include <string>

namespace attest::test {

// Report is what a child found, by name.
using Report = std::map<std::string, std::string>;

// Forked runs body in a forked process with OPENSSL_CONF set to conf.
class Forked {
 public:
  Forked(const std::string& conf, const std::function<void(Report&)>& body);
  Forked(const Forked&) = delete;
  Forked& operator=(const Forked&) = delete;
  ~Forked();
  // wait returns the report; "died" names the signal or exit code of a child that did not end well. A child
  // that is not done after 30 s is killed.
  Report wait();
  pid_t pid() const { return pid_; }

 private:
  pid_t pid_ = -1;
  int pipe_ = -1;
};

inline Report in_forked(const std::string& conf, const std::function<void(Report&)>& body) {
  return Forked(conf, body).wait();
}

}  // namespace attest::test
