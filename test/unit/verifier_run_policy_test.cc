// Policies in JavaScript: only the boolean true passes, and a script can neither stay, grow nor reach out.
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "verifier/script/run_policy.h"

namespace attest {
namespace {

constexpr const char* kChild = ATTEST_BINARY_DIR "/verifier/attest-policy";

Result<PolicyAnswer> ask(std::string_view script, std::string_view json = R"({"certLevel":2})", int milliseconds = 20000) {
  return run_policy(kChild, as_view(json), as_view(script), std::chrono::milliseconds(milliseconds));
}

bool passes(std::string_view script) {
  auto answer = ask(script);
  EXPECT_TRUE(answer) << script << ": " << answer.error().what;
  return answer && answer->pass;
}

TEST(RunPolicy, OnlyTrueIsAPass) {
  EXPECT_TRUE(passes("true"));
  EXPECT_TRUE(passes("JSON.parse(json).certLevel >= 2"));
  EXPECT_TRUE(passes("console.log('seen'); (function () { return 1 === 1; })()"));
  EXPECT_TRUE(passes("new Date().getFullYear() > 2000 && new Date(2026, 0, 1).getTime() > 0")) << "the local time zone is known";
  EXPECT_TRUE(passes("print('seen', 1); true"));
  EXPECT_TRUE(passes("console.trace(1); console.dir({}); String(new Date()).length > 10"));
  for (const char* script : {"false", "1", "'true'", "undefined", "null", "", "({})", "new Boolean(true)", "throw new Error('x')", "var = 1",
                             "JSON.parse(json).certLevel >= 3", "JSON.stringify({summary: {status: 'success'}})"})
    EXPECT_FALSE(passes(script)) << script;
}

TEST(RunPolicy, RefusalsSayWhy) {
  auto answer = ask("throw new Error('no \\u001b[31m room')");
  ASSERT_TRUE(answer);
  EXPECT_NE(answer->why.find("room"), std::string::npos);
  EXPECT_EQ(answer->why.find('\x1b'), std::string::npos) << "nothing that a terminal obeys";
}

TEST(RunPolicy, AScriptThatNeverEndsIsEnded) {
  auto answer = ask("while (true) {}", "{}", 500);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Errc::denied);
}

TEST(RunPolicy, AScriptThatGrowsIsNoPass) {
  auto answer = ask("var a = []; while (true) a.push(new Array(100000).join('x')); true");
  EXPECT_FALSE(answer && answer->pass);
  answer = ask("(function f(n) { return f(n + 1) + 1; })(0); true");
  EXPECT_FALSE(answer && answer->pass);
  answer = ask("/(a+)+$/.test(new Array(64).join('a') + 'b'); true", "{}", 3000);
  EXPECT_TRUE(!answer || answer->pass || !answer->why.empty());  // slow expressions end at the deadline
}

TEST(RunPolicy, NothingOutsideIsThere) {
  for (const char* name : {"require", "process", "load", "alert", "readFile", "XMLHttpRequest", "Duktape.modSearch"})
    EXPECT_TRUE(passes("typeof " + std::string(name) + " === 'undefined'")) << name;
}

TEST(RunPolicy, AMissingChildIsAnError) {
  auto answer = run_policy("/nonexistent/attest-policy", {}, as_view("true"), std::chrono::seconds(1));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Errc::io);
  EXPECT_FALSE(run_policy("/bin/true", as_view("{}"), as_view("true"), std::chrono::seconds(5))) << "a child that says nothing";
  EXPECT_FALSE(run_policy(kChild, {}, Bytes(kMaxPolicyScript + 1, ' '), std::chrono::seconds(1)));
}

// waiting is the children of this process that are alive.
std::vector<pid_t> waiting() {
  std::vector<pid_t> out;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    std::ifstream file(entry.path() / "stat");
    std::string pid, name, state;
    pid_t parent = 0;
    if (file >> pid >> name >> state >> parent && parent == ::getpid() && state != "Z") out.push_back(std::stoi(pid));
  }
  return out;
}

Result<PolicyAnswer> ask(PolicyRunner& runner, std::string_view script) {
  return runner.run(as_view("{}"), as_view(script), std::chrono::seconds(20));
}

TEST(PolicyRunner, KeepsOneChildReadyAndEveryScriptHasItsOwn) {
  {
    PolicyRunner runner(kChild);
    EXPECT_EQ(waiting().size(), 0U) << "none before there was a question";
    for (int i = 0; i < 3; i++) {
      auto answer = ask(runner, "var fresh = typeof left === 'undefined'; this.left = 1; fresh");
      ASSERT_TRUE(answer) << answer.error().what;
      EXPECT_TRUE(answer->pass) << "what a script leaves behind is not there for the next";
      EXPECT_EQ(waiting().size(), 1U);
    }
  }
  EXPECT_EQ(waiting().size(), 0U) << "nor afterwards";
}

TEST(PolicyRunner, AChildThatDiedWhileItWaitedIsReplaced) {
  PolicyRunner runner(kChild);
  ASSERT_TRUE(ask(runner, "true"));
  for (pid_t child : waiting()) ::kill(child, SIGKILL);
  while (!waiting().empty()) ::usleep(1000);
  auto answer = ask(runner, "true");
  ASSERT_TRUE(answer) << answer.error().what;
  EXPECT_TRUE(answer->pass);
}

TEST(PolicyRunner, AMissingChildIsAnError) {
  PolicyRunner runner("/nonexistent/attest-policy");
  EXPECT_FALSE(ask(runner, "true"));
}

}  // namespace
}  // namespace attest
