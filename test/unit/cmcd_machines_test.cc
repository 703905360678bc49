// Two machines, each a software TPM that holds a recorded boot and a daemon of its own: what the spine is
// for.
#include <gtest/gtest.h>

#include "evidence/native/request.h"
#include "test/support/tpm_machine.h"

namespace attest {
namespace {

using namespace attest::test;

// A serves, B asks: B holds A's metadata and pins its AK.
class Machines : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(start_both(a_, b_));
    a_.describe(authority_, "server");
    b_.put_items("of-a", a_.items);
    b_.put_policy("default", R"({"peers": [{"name": "a.example", "role": "server", "ak_names": [")" +
                                 a_.ak_name() +
                                 R"("], "image_descriptions": ["image-of-server"], "services": ["me"]}]})");
    ASSERT_TRUE(b_.control(R"({"op":"reload"})").starts_with("{\"ok\""));
  }
  struct Outcome {
    JudgeAnswer answer;
    std::size_t evidence = 0;  // bytes
  };
  // meet is one handshake of B with A; bend may change what B believes of the handshake.
  Outcome meet(const std::function<void(BinderInputs&)>& bend = {}) {
    Connection judge = b_.connect();
    Connection prover = a_.daemon.connect();
    auto begun = judge.begin({Role::client, Mode::require, "", "a.example", true});
    EXPECT_TRUE(begun) << begun.error().what;
    if (!begun) return {};
    BinderInputs inputs = shake(Role::server, begun->request, web_.der());
    auto attested = prover.attest({inputs, 65000});
    EXPECT_TRUE(attested) << attested.error().what;
    if (!attested) return {};
    if (bend) bend(inputs);
    auto judged = judge.judge({begun->handle, inputs, attested->evidence, "a.example", true});
    EXPECT_TRUE(judged) << judged.error().what;
    return judged ? Outcome{*judged, attested->evidence.size()} : Outcome{};
  }
  Authority authority_;
  TpmMachine a_{authority_, "tis"};
  MachineDaemon b_{authority_};
  TestCert web_ = leaf("a.example");
};

TEST_F(Machines, AnHonestMachineIsAcceptedInFewBytes) {
  Outcome met = meet();
  EXPECT_EQ(met.answer.outcome, JudgeOutcome::accepted) << met.answer.name << ": " << met.answer.text;
  EXPECT_LT(met.evidence, 3000U) << "the log travels by reference";
  std::string json = b_.control(R"({"op":"explain","id":)" + std::to_string(met.answer.verdict_id) + "}");
  EXPECT_EQ(member_text(json, "outcome"), "accepted");
  EXPECT_NE(json.find("image-of-server"), std::string::npos);
}

TEST_F(Machines, EvidenceOfAnotherHandshakeIsRefused) {
  const std::vector<std::function<void(BinderInputs&)>> bends = {
      [](BinderInputs& i) { i.server_random[0] ^= 1; },
      [](BinderInputs& i) { i.client_random[31] ^= 1; },
      [](BinderInputs& i) { i.cipher = 0x1302; },
      [](BinderInputs& i) { i.group = 23; },
      [](BinderInputs& i) { i.server_share[0] ^= 1; },
      [](BinderInputs& i) { i.secret_tag[0] ^= 1; },
      [](BinderInputs& i) { i.leaf_der = leaf("mallory").der(); }};
  for (const auto& bend : bends) {
    Outcome met = meet(bend);
    EXPECT_EQ(met.answer.outcome, JudgeOutcome::refused);
    EXPECT_EQ(met.answer.name, "quote.not-fresh") << met.answer.text;
  }
}

TEST_F(Machines, AChangedMachineIsRefusedUntilTheChangeIsSigned) {
  EXPECT_EQ(meet().answer.outcome, JudgeOutcome::accepted);
  ASSERT_TRUE(a_.measured->measure_event(4, "another boot loader"));
  Outcome met = meet();
  EXPECT_EQ(met.answer.outcome, JudgeOutcome::refused);
  EXPECT_EQ(met.answer.name, "pcr.unexpected-event") << met.answer.text;
  std::string json = b_.control(R"({"op":"explain"})");
  EXPECT_EQ(member_text(json, "name"), "pcr.unexpected-event");
  EXPECT_NE(member_raw(json, "appraisal").find("mismatches"), std::string::npos);
  a_.describe(authority_, "update");
  std::vector<std::string> layered = a_.items;
  b_.put_metadata("update0", layered[0]);
  b_.put_metadata("update1", layered[1]);
  b_.put_policy("default", R"({"peers": [{"name": "a.example", "ak_names": [")" + a_.ak_name() +
                               R"("], "image_descriptions": ["image-of-update"]}]})");
  EXPECT_TRUE(b_.control(R"({"op":"reload"})").starts_with("{\"ok\""));
  a_.daemon.write("metadata/server1.json", layered[1]);  // the only image description it has from now on
  std::filesystem::remove(a_.daemon.path("metadata/server0.json"));
  std::filesystem::remove(a_.daemon.path("metadata/update1.json"));
  EXPECT_TRUE(a_.daemon.control(R"({"op":"reload"})").starts_with("{\"ok\""));
  Outcome again = meet();
  EXPECT_EQ(again.answer.outcome, JudgeOutcome::accepted) << again.answer.name << ": " << again.answer.text;
}

TEST_F(Machines, AGrowingImaListIsFollowed) {
  for (int i = 0; i < 5; i++) {
    ASSERT_TRUE(a_.measured->measure_file("/usr/bin/new-" + std::to_string(i)));
    EXPECT_EQ(meet().answer.name, "ima.unexpected-file");
  }
  TpmStatus status = a_.daemon.daemon().tpm_status();
  EXPECT_TRUE(status.problem.empty()) << status.problem;
}

TEST_F(Machines, MetadataTheVerifierLacksComesWithTheEvidence) {
  for (int i = 0; i < 2; i++) std::filesystem::remove(b_.path("metadata/of-a" + std::to_string(i) + ".json"));
  ASSERT_TRUE(b_.control(R"({"op":"reload"})").starts_with("{\"ok\""));
  Outcome met = meet();
  EXPECT_EQ(met.answer.name, "metadata.missing") << "363 entries of reference values do not fit 65,000 bytes";
  EXPECT_GT(met.evidence, 800U);
}

TEST_F(Machines, ATpmThatRestartsIsTheSameAfterwards) {
  EXPECT_EQ(meet().answer.outcome, JudgeOutcome::accepted);
  a_.tpm->stop();
  std::atomic<int> outcomes = 0;
  std::thread meeting([&] {
    Connection prover = a_.daemon.connect();
    Request request;
    request.header.nonce.fill(1);
    // It waits for the TPM; while the boot is being played again the log does not explain the PCRs: no
    // evidence then.
    auto attested = prover.attest({shake(Role::server, *encode_request(request), web_.der()), 65000});
    EXPECT_TRUE(attested || attested.error().code != Errc::denied);
    outcomes++;
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  EXPECT_TRUE(a_.tpm->run());
  EXPECT_TRUE(a_.measured->play_again());
  meeting.join();
  EXPECT_EQ(outcomes, 1);
  Outcome again = meet();
  EXPECT_EQ(again.answer.outcome, JudgeOutcome::accepted) << again.answer.name << ": " << again.answer.text;
}

TEST_F(Machines, AThousandConnectionsAtOnce) {
  constexpr int kThreads = 1000;
  std::atomic<int> accepted = 0;
  std::vector<std::thread> threads;
  std::uint64_t before = a_.daemon.daemon().tpm_status().quotes;
  for (int i = 0; i < kThreads; i++)
    threads.emplace_back([&] { accepted += meet().answer.outcome == JudgeOutcome::accepted ? 1 : 0; });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(accepted, kThreads);
  std::uint64_t quotes = a_.daemon.daemon().tpm_status().quotes - before;
  EXPECT_LT(quotes, static_cast<std::uint64_t>(kThreads)) << "quotes are shared";
}

TEST_F(Machines, StatusNamesTheTpm) {
  std::string status = a_.daemon.control(R"({"op":"status"})");
  std::string tpm = member_raw(status, "tpm");
  EXPECT_EQ(member_text(tpm, "driver"), "tpm");
  EXPECT_EQ(member_text(tpm, "ak_algorithm"), "ec-p256");
  EXPECT_TRUE(member_text(tpm, "ak_name").starts_with("000b"));
  EXPECT_EQ(member_text(tpm, "problem"), "");
  EXPECT_EQ(member_text(status, "image"), "image-of-server");
}

}  // namespace
}  // namespace attest
