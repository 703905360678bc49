// attestctl enroll fleet, and what status shows of a CMC fleet's servers: the program, a daemon over a software TPM, and a server.
#include <gtest/gtest.h>
#include <openssl/x509v3.h>

#include <filesystem>

#include "evidence/core/file.h"
#include "test/support/child.h"
#include "test/support/cmc_machine.h"
#include "test/support/est_server.h"
#include "test/support/omsp_server.h"
#include "test/support/recording.h"

namespace attest {
namespace {

using namespace attest::test;

class EnrollFleet : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(machine_.good());
    const std::string server = R"({"url": ")" + est_.url() + R"(", "roots": ["signers.pem"]})";
    ASSERT_TRUE(machine_.start(R"(, "name": "machine", "endorse": )" + server + ", \"enroll\": " + server))
        << machine_.machine.daemon.log();
  }
  std::string ak_name() const { return member_text(machine_.machine.daemon.control(R"({"op":"enroll.request"})"), "ak_name"); }
  // command is the exit code of `attestctl OPTIONS` and what it printed.
  std::pair<int, std::string> command(std::vector<std::string> options) {
    const MachineDaemon& daemon = machine_.machine.daemon;
    const std::string told = daemon.path("told");
    std::filesystem::remove(told);
    options.insert(options.begin(), {ATTESTCTL, "--socket", daemon.socket(), "--config", daemon.write_config()});
    int code = run(options, told);
    return {code, std::string(as_text(must(attest::read_file(told, 1 << 16))))};
  }
  Authority authority_;
  EstServer est_{authority_.root()};
  CmcMachine machine_{authority_, "tis"};
};

TEST_F(EnrollFleet, ACertificateForPeopleAndForPrograms) {
  std::string before = ak_name();
  auto [code, told] = command({"--json", "enroll", "fleet"});
  EXPECT_EQ(code, 0) << told;
  EXPECT_NE(ak_name(), before);
  EXPECT_EQ(member_text(told, "ak_name"), ak_name()) << told;
  auto plain = command({"enroll", "fleet"});
  EXPECT_EQ(plain.first, 0) << plain.second;
  EXPECT_NE(plain.second.find("machine TPM AK"), std::string::npos) << plain.second;
  EXPECT_NE(ak_name(), member_text(told, "ak_name")) << "another key each time";
}

TEST_F(EnrollFleet, ATlsKeyIsMadeAndCertified) {
  const MachineDaemon& daemon = machine_.machine.daemon;
  const std::string agent = "unix://" + machine_.socket(), chain = daemon.path("tls.pem"), id = daemon.path("key-id");
  for (const char* type : {"tpm", "sw"}) {
    auto [code, told] = command({"--json", "enroll", "key", "web.example", "--dns", "web.example", "--ip", "192.0.2.7", "--type", type, "--agent", agent, "--key-id", id, "-o", chain});
    ASSERT_EQ(code, 0) << told << daemon.log();
    EXPECT_EQ(member_text(told, "key"), as_text(must(attest::read_file(id, 1 << 10))));
    std::string pem(as_text(must(attest::read_file(chain, 1 << 16))));
    EXPECT_EQ(member_text(told, "certificate").size(), pem.size());
    auto certificates = split_certificates(as_view(pem), "tls.pem");
    ASSERT_TRUE(certificates && !certificates->empty());
    auto leaf = must(parse_certificate(certificates->front()));
    EXPECT_EQ(common_name(leaf.get()), "web.example");
    EXPECT_EQ(X509_check_host(leaf.get(), "web.example", 0, 0, nullptr), 1);
    EXPECT_EQ(X509_check_ip_asc(leaf.get(), "192.0.2.7", 0), 1);
  }
  auto refused = command({"enroll", "key", "a", "--agent", "unix:///nowhere"});
  EXPECT_EQ(refused.first, 3) << refused.second;
  EXPECT_NE(refused.second.find("/nowhere"), std::string::npos) << refused.second;
  EXPECT_EQ(command({"enroll", "key", "a", "--type", "paper"}).first, 2);
}

TEST_F(EnrollFleet, ARefusalSaysWhyAndChangesNothing) {
  std::string before = ak_name();
  est_.spoil(EstServer::Fault::other_issuer);
  auto refused = command({"enroll", "fleet"});
  EXPECT_EQ(refused.first, 3) << refused.second;
  EXPECT_NE(refused.second.find("certificate of the attestation key"), std::string::npos) << refused.second;
  EXPECT_EQ(ak_name(), before);
  auto status = command({"status"});
  EXPECT_NE(status.second.find("did not certify it at 20"), std::string::npos) << status.second;
  EXPECT_NE(status.second.find("\"ak_roots\" of \"cmc\" must hold"), std::string::npos) << "what to do: " << status.second;
  EXPECT_NE(command({"metrics"}).second.find("attest_fleet_certificate_failing{key=\"ak\"} 1"), std::string::npos);
  est_.spoil(EstServer::Fault::none);
  EXPECT_EQ(command({"enroll", "fleet"}).first, 0);
  status = command({"status"});
  EXPECT_NE(status.second.find("machine TPM AK · certified until 20"), std::string::npos) << status.second;
  EXPECT_EQ(status.second.find("did not certify"), std::string::npos) << status.second;
  std::string metrics = command({"metrics"}).second;
  EXPECT_NE(metrics.find("attest_fleet_certificate_failing{key=\"ak\"} 0"), std::string::npos) << metrics;
  EXPECT_NE(metrics.find("attest_fleet_certificate_expires_seconds{key=\"ak\"}"), std::string::npos) << metrics;
}

// A machine that fetches revocation answers.
class ShownAnswers : public EnrollFleet {
 protected:
  void SetUp() override {
    ASSERT_TRUE(machine_.good());
    machine_.omsp_server = server_.url();
    ASSERT_TRUE(machine_.start(R"(, "staple": {"format": "cbor"})")) << machine_.machine.daemon.log();
  }
  // comes is what status prints once it holds the text.
  std::string comes(const std::string& text) {
    std::string told;
    for (int i = 0; i < 100 && told.find(text) == std::string::npos; i++) {
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
      told = command({"status"}).second;
    }
    EXPECT_NE(told.find(text), std::string::npos) << told;
    return told;
  }
  OmspServer server_{authority_.root(), authority_.signer(), false};
};

TEST_F(ShownAnswers, InStatusAndMetrics) {
  EXPECT_NE(comes(" · asked again at 20").find(server_.url() + " · answer of 20"), std::string::npos);
  EXPECT_EQ(command({"status"}).second.find("revocation"), std::string::npos) << "nothing to warn of";
  server_.say("revoked");
  ASSERT_TRUE(machine_.reload());
  EXPECT_NE(comes(" · not good for all manifests").find(server_.url() + " says: manifest \"test.boot\" is revoked"), std::string::npos);
  server_.spoil(OmspServer::Fault::no_answer);
  ASSERT_TRUE(machine_.reload());
  EXPECT_NE(comes(" · failed at 20").find("see the server's log"), std::string::npos) << "what to do";
  std::string metrics = command({"metrics"}).second, label = "{server=\"" + server_.url() + "\"} ";
  for (const std::string& row : {"attest_revocation_answer_failing" + label + "1", "attest_revocation_concerns" + label + "1",
                                 "attest_revocation_answer_age_seconds" + label})
    EXPECT_NE(metrics.find(row), std::string::npos) << row << " in " << metrics;
}

}  // namespace
}  // namespace attest
