// Who learns which files ran on a machine: by default only a peer the machine accepted first. The machine
// here judges its own evidence, so that its daemon has a peer it accepted.
#include <gtest/gtest.h>

#include "evidence/native/request.h"
#include "test/support/tpm_machine.h"
#include "verifier/checks.h"

namespace attest {
namespace {

using namespace attest::test;

constexpr std::string_view kSecret = "/srv/merger-with-example-corp/run";

class FileNames : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(a_.good());
    a_.daemon.callers +=
        R"(, {"name": "other", "uid": 65533, "roles": ["client"], "keys": ["any"], "rights": ["attest"]})";
    ASSERT_TRUE(a_.daemon.start());
    ASSERT_TRUE(a_.daemon.ready()) << a_.daemon.log();
    a_.describe(authority_, "server");
    a_.daemon.put_policy("default", R"({"peers": [{"name": "a.example", "ak_names": [")" + a_.ak_name() +
                                        R"("], "image_descriptions": ["image-of-server"]}]})");
    reload();
  }
  void reload() { ASSERT_TRUE(a_.daemon.control(R"({"op":"reload"})").starts_with("{\"ok\"")); }
  // evidence is what a peer gets; verdict: by which the caller says that the daemon accepted that peer.
  Bytes evidence(Role prover, std::uint64_t verdict, std::optional<Connection> caller = {}) {
    Connection mine = a_.daemon.connect();
    auto begun = mine.begin({other(prover), Mode::require, "", "a.example", true});
    EXPECT_TRUE(begun) << begun.error().what;
    if (!begun) return {};
    AttestCall call{shake(prover, begun->request, web_.der()), 65000, verdict};
    auto answer = (caller ? *caller : mine).attest(call);
    EXPECT_TRUE(answer) << answer.error().what;
    return answer ? answer->evidence : Bytes{};
  }
  static bool tells(const Bytes& evidence) {
    EXPECT_FALSE(evidence.empty());
    return as_text(evidence).find(kSecret) != std::string_view::npos;
  }
  // judged has the daemon judge its own machine in the server role.
  JudgeAnswer judged() {
    Connection mine = a_.daemon.connect();
    auto begun = mine.begin({Role::client, Mode::require, "", "a.example", true});
    EXPECT_TRUE(begun) << begun.error().what;
    if (!begun) return {};
    BinderInputs inputs = shake(Role::server, begun->request, web_.der());
    auto attested = mine.attest({inputs, 65000});
    EXPECT_TRUE(attested) << attested.error().what;
    if (!attested) return {};
    auto answer = mine.judge({begun->handle, inputs, attested->evidence, "a.example", true});
    EXPECT_TRUE(answer) << answer.error().what;
    return answer ? *answer : JudgeAnswer{};
  }
  Authority authority_;
  TpmMachine a_{authority_, "tis"};
  TestCert web_ = leaf("a.example");
};

TEST_F(FileNames, AreKeptFromStrangersAndToldToThePeerThatWasAccepted) {
  JudgeAnswer met = judged();
  ASSERT_EQ(met.outcome, JudgeOutcome::accepted) << met.text;
  ASSERT_TRUE(a_.measured->measure_file(kSecret));
  EXPECT_FALSE(tells(evidence(Role::server, 0))) << "a server shows its evidence before it knows who asks";
  EXPECT_FALSE(tells(evidence(Role::client, 0))) << "a server that nobody judged";
  EXPECT_TRUE(tells(evidence(Role::client, met.verdict_id)));
}

TEST_F(FileNames, WhatIsKeptBackIsRefusedLikeTheRest) {
  ASSERT_TRUE(a_.measured->measure_file(kSecret));
  JudgeAnswer met = judged();
  EXPECT_EQ(met.outcome, JudgeOutcome::refused);
  EXPECT_EQ(met.name, check::kImaUnexpected);
  std::string stored = a_.daemon.control(R"({"op":"explain","id":)" + std::to_string(met.verdict_id) + "}");
  EXPECT_NE(stored.find("ima_entries"), std::string::npos) << "the remedy: " << stored;
  EXPECT_EQ(stored.find(kSecret), std::string::npos);
}

TEST_F(FileNames, AVerdictThatAcceptedNobodyOpensNothing) {
  JudgeAnswer good = judged();
  ASSERT_TRUE(a_.measured->measure_file(kSecret));
  JudgeAnswer refused = judged();
  ASSERT_EQ(refused.outcome, JudgeOutcome::refused);
  EXPECT_FALSE(tells(evidence(Role::client, refused.verdict_id)));
  EXPECT_FALSE(tells(evidence(Role::client, good.verdict_id + 1000)));
  EXPECT_TRUE(tells(evidence(Role::client, good.verdict_id)));
}

TEST_F(FileNames, AVerdictOfAnotherUserOpensNothing) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can connect as other users";
  JudgeAnswer good = judged();
  ASSERT_EQ(good.outcome, JudgeOutcome::accepted) << good.text;
  ASSERT_TRUE(a_.measured->measure_file(kSecret));
  auto other = a_.daemon.connect_as(65533);
  ASSERT_TRUE(other) << other.error().what;
  EXPECT_FALSE(tells(evidence(Role::client, good.verdict_id, std::move(*other))));
}

TEST_F(FileNames, AreToldToAnyoneWhereTheAdministratorSaysSo) {
  a_.daemon.members += "\"ima_entries\": \"anyone\",";
  a_.daemon.write_config();
  reload();
  ASSERT_TRUE(a_.measured->measure_file(kSecret));
  EXPECT_TRUE(tells(evidence(Role::server, 0)));
  a_.daemon.members += "\"observe\": false,";
  std::string bad = a_.daemon.members;
  a_.daemon.members.replace(bad.find("anyone"), 6, "nobody");
  a_.daemon.write_config();
  EXPECT_NE(a_.daemon.control(R"({"op":"reload"})").find("ima_entries"), std::string::npos);
}

}  // namespace
}  // namespace attest
