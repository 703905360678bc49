// run_policy.h: policies written in JavaScript, run where they can do nothing but say yes or no.
#pragma once
#include <chrono>

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

// find_policy_child is the child program of an installation or build tree, by the path of the running program; io where
// there is none.
Result<std::string> find_policy_child();

}  // namespace attest
