// run_policy.h: policies written in JavaScript, run where they can do nothing but say yes or no.
#pragma once
#include <chrono>
#include <memory>
#include <mutex>

#include "evidence/core/bytes.h"

namespace attest {

constexpr std::size_t kMaxPolicyScript = 1 << 20;
constexpr std::size_t kMaxPolicyInput = 128 << 20;

// PolicyAnswer is what a script said. Only its last expression being the boolean true is a pass.
struct PolicyAnswer {
  bool pass = false;
  std::string why;  // of a refusal: what the script's value was, or its error; printable
};

// run_policy hands a result (JSON, the script's global string `json`) to the child program, which runs the script in
// duktape (ES5) under seccomp, without files, network or environment, with 256 MiB of memory and until the deadline. io
// if the child cannot be started or dies, denied if it takes too long: neither is a pass.
Result<PolicyAnswer> run_policy(const std::string& child, View json, View script, std::chrono::milliseconds deadline);

// PolicyRunner is run_policy for who asks often: the next child is started while one works, so that no policy but the first
// waits for a program to start. Every script still has a child of its own, which sees one result. Thread safe.
class PolicyRunner {
 public:
  // child: the program; empty: the installation's, looked for whenever one is started.
  explicit PolicyRunner(std::string child = "");
  ~PolicyRunner();
  PolicyRunner(const PolicyRunner&) = delete;
  PolicyRunner& operator=(const PolicyRunner&) = delete;
  Result<PolicyAnswer> run(View json, View script, std::chrono::milliseconds deadline);

 private:
  class Child;
  Result<std::unique_ptr<Child>> begin() const;
  std::unique_ptr<Child> take();
  void keep_one_ready();
  const std::string path_;
  std::mutex mutex_;
  std::unique_ptr<Child> ready_;
};

// find_policy_child is the child program of an installation or build tree, by the path of the running program; io where
// there is none.
Result<std::string> find_policy_child();

}  // namespace attest
