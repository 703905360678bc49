// attestctl enroll fleet: the program, a daemon over a software TPM, and a provisioning server of a CMC fleet.
#include <gtest/gtest.h>

#include <filesystem>

#include "evidence/core/file.h"
#include "test/support/child.h"
#include "test/support/cmc_machine.h"
#include "test/support/est_server.h"
#include "test/support/recording.h"

namespace attest {
namespace {

using namespace attest::test;

class EnrollFleet : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(machine_.good());
    ASSERT_TRUE(machine_.start(R"(, "name": "machine", "endorse": {"url": ")" + est_.url() + R"(", "roots": ["signers.pem"]})"))
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

}  // namespace
}  // namespace attest
