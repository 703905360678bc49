// enroll.fleet: a provisioning server of a CMC fleet certifies a new attestation key; whatever is wrong with its answer, the
// present key stays and goes on.
#include <gtest/gtest.h>

#include <filesystem>

#include "cmcd-lite/server/engine/ak_enrolment.h"
#include "cmcd-lite/server/cmc/est.h"
#include "evidence/cmc/report.h"
#include "evidence/core/file.h"
#include "evidence/core/hex.h"
#include "test/support/cmc_machine.h"
#include "test/support/est_server.h"

namespace attest {
namespace {

using namespace attest::test;
using cmc::Encoding;
using Fault = EstServer::Fault;

class CmcEnrolment : public testing::Test {
 protected:
  void start(const std::string& members) {
    ASSERT_TRUE(machine_.good());
    ASSERT_TRUE(machine_.start(members)) << machine_.machine.daemon.log();
  }
  std::string endorse(const std::string& more = "") const {
    return R"(, "name": "machine", "endorse": {"url": ")" + est_.url() + R"(", "roots": ["signers.pem"])" + more + "}";
  }
  void start() { start(endorse()); }
  std::string enroll() { return machine_.machine.daemon.control(R"({"op":"enroll.fleet"})"); }
  // ak_name is asked of the device: what status shows follows a little later.
  std::string ak_name() const { return member_text(machine_.machine.daemon.control(R"({"op":"enroll.request"})"), "ak_name"); }
  // reports: the machine makes a report that it judges to be good itself.
  void reports() {
    Bytes nonce(8, 3);
    auto report = machine_.attest(Encoding::cbor, nonce);
    ASSERT_TRUE(report) << report.error().what;
    auto result = machine_.verify(Encoding::json, nonce, *report, "self");
    ASSERT_TRUE(result) << result.error().what;
    EXPECT_EQ(member_text(member_raw(*result, "summary"), "status"), "success") << *result;
  }
  // refused: an answer with this fault changes nothing.
  void refused(Fault fault, const char* why) {
    est_.spoil(fault);
    std::string before = ak_name(), told = enroll();
    EXPECT_TRUE(told.starts_with("error: ")) << why << ": " << told;
    EXPECT_NE(told.find(why), std::string::npos) << told;
    EXPECT_EQ(ak_name(), before) << why;
  }
  Authority authority_;
  EstServer est_{authority_.root()};
  CmcMachine machine_{authority_, "tis"};
};

TEST_F(CmcEnrolment, ANewKeyTakesOver) {
  start();
  reports();
  std::string before = ak_name();
  for (bool standard : {false, true}) {
    est_.standard_cms(standard);
    std::string told = enroll();
    ASSERT_TRUE(told.starts_with("{\"ok\"")) << told;
    EXPECT_NE(ak_name(), before);
    EXPECT_EQ(member_text(told, "ak_name"), ak_name());
    EXPECT_NE(member_text(told, "subject").find("machine TPM AK"), std::string::npos) << told;
    before = ak_name();
    reports();
  }
  std::vector<Bytes> parts = est_.last_parts();
  ASSERT_EQ(parts.size(), 9U);
  EXPECT_TRUE(as_text(parts[0]).starts_with("IBM;")) << as_text(parts[0]);
  EXPECT_TRUE(parts[1].empty());
  machine_.machine.daemon.stop();
  ASSERT_TRUE(machine_.machine.daemon.start() && machine_.machine.daemon.ready());
  EXPECT_EQ(ak_name(), before) << "the new key outlives a restart";
  reports();
}

TEST_F(CmcEnrolment, WhateverIsWrongThePresentKeyStays) {
  start();
  refused(Fault::other_name, "activate the credential");
  refused(Fault::other_secret, "made for another key");
  refused(Fault::other_key, "for another key");
  refused(Fault::other_issuer, "certificate of the attestation key");
  refused(Fault::host_name, "certificate of the attestation key");
  refused(Fault::expired, "certificate of the attestation key");
  refused(Fault::cut, "three parts");
  refused(Fault::too_long, "1 MiB");
  refused(Fault::plain, "encrypted certificate");
  reports();
  est_.spoil(Fault::none);
  std::string told = enroll();
  EXPECT_TRUE(told.starts_with("{\"ok\"")) << "the key that waited is certified after all: " << told;
  reports();
}

// shape is the head fields of a multipart request's parts, in order.
std::vector<std::string> shape(std::string_view request) {
  std::vector<std::string> out;
  std::size_t at = request.find("\r\n\r\n");
  while (at != std::string_view::npos && (at = request.find("\r\nContent-", at)) != std::string_view::npos) {
    std::size_t end = request.find("\r\n", at + 2);
    out.emplace_back(request.substr(at + 2, end - at - 2));
    at = end;
  }
  return out;
}

TEST_F(CmcEnrolment, TheRecordedExchange) {
  const std::string folder = std::string(ATTEST_TESTDATA) + "/cmc/est/";
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << "../shared/testdata/cmc is not there";
  start();
  auto request = attest::read_file(folder + "03-.well-known_est_tpmactivateenroll.request", 1 << 20);
  auto answer = attest::read_file(folder + "03-.well-known_est_tpmactivateenroll.response", 1 << 20);
  ASSERT_TRUE(request && answer);
  est_.replay("HTTP/1.1 " + std::string(as_text(*answer)));
  std::string before = ak_name(), told = enroll();
  EXPECT_NE(told.find("activate the credential"), std::string::npos) << "it is another machine's: " << told;
  EXPECT_EQ(ak_name(), before);
  std::vector<std::string> requests = est_.requests();
  ASSERT_EQ(requests.size(), 1U) << "the certificates of the authority are not asked for in vain";
  EXPECT_TRUE(requests[0].starts_with("POST /.well-known/est/tpmactivateenroll "));
  EXPECT_EQ(shape(requests[0]), shape(as_text(*request)));
  EXPECT_EQ(shape(requests[0]).size(), 18U);
}

TEST_F(CmcEnrolment, AServerThatIsNotTheOneConfigured) {
  TestCert nobody = make_root("Nobody");
  machine_.machine.daemon.write("nobody.pem", nobody.pem());
  start(R"(, "endorse": {"url": ")" + est_.url() + R"(", "roots": ["nobody.pem"]})");
  std::string before = ak_name(), told = enroll();
  EXPECT_TRUE(told.starts_with("error: ")) << told;
  EXPECT_NE(told.find("certificate"), std::string::npos) << told;
  EXPECT_TRUE(est_.requests().empty()) << "nothing was told to it";
  EXPECT_EQ(ak_name(), before);
}

TEST_F(CmcEnrolment, WithoutAServerThereIsNone) {
  start("");
  EXPECT_TRUE(est_.requests().empty());
  std::string told = enroll();
  EXPECT_NE(told.find("\"endorse\""), std::string::npos) << told;
  for (const char* plain : {"http://est.example:9000", "HTTPS://est.example", "est.example:9000", "https://user@est.example"})
    EXPECT_FALSE(parse_est_address(plain)) << plain;
}

// A machine that has itself enrolled, as CMC's agent does when it starts.
class CmcSelfEnrolment : public testing::Test {
 protected:
  CmcSelfEnrolment() {
    MachineDaemon& daemon = machine_.daemon;
    daemon.members += R"("cmc": {"sockets": [{"path": ")" + daemon.path("cmc.sock").string() + R"(", "mode": "0666"}], "name": "machine",
      "one_root": true, "roots": ["signers.pem"], "endorse": {"url": ")" + est_.url() + R"(", "roots": ["signers.pem"], "automatic": true}},)";
  }
  void start() { ASSERT_TRUE(machine_.good() && machine_.daemon.start() && machine_.daemon.ready()) << machine_.daemon.log(); }
  std::string ak_name() const { return member_text(machine_.daemon.control(R"({"op":"enroll.request"})"), "ak_name"); }
  // comes: the daemon's log holds this text before long.
  bool comes(const std::string& text, std::size_t times = 1) const {
    for (int i = 0; i < 3000; i++) {
      std::size_t found = 0;
      std::string log = machine_.daemon.log();
      for (std::size_t at = log.find(text); at != std::string::npos; at = log.find(text, at + 1)) found++;
      if (found >= times) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    return false;
  }
  // shown is what status says of certificates from the fleet.
  std::string shown() const {
    return member_raw(machine_.daemon.control(R"({"op":"status"})"), "fleet");
  }
  Status update_certs() const {
    CmcClientOptions options;
    options.address = "unix://" + machine_.daemon.path("cmc.sock").string();
    options.timeout = std::chrono::seconds(60);
    cmc::ApiRequest request;
    request.call = cmc::Call::update_certs;
    auto answer = cmc_call(options, request);
    return answer ? ok() : Status(answer.error());
  }
  Authority authority_;
  EstServer est_{authority_.root()};
  TpmMachine machine_{authority_, "tis"};
};
constexpr const char* kDone = "was certified by the fleet";

TEST_F(CmcSelfEnrolment, WithoutACertificateAtTheStartAndWithAnOldOneAgain) {
  start();
  ASSERT_TRUE(comes(kDone)) << machine_.daemon.log();
  std::string first = ak_name();
  machine_.daemon.stop();
  std::size_t asked = est_.requests().size();
  start();
  std::this_thread::sleep_for(std::chrono::seconds(2));
  EXPECT_EQ(ak_name(), first) << "its certificate is good";
  EXPECT_EQ(est_.requests().size(), asked);
  machine_.daemon.stop();
  machine_.daemon.clock = [] { return wall_clock_now() + 166 * kDay; };
  start();
  ASSERT_TRUE(comes(kDone, 2)) << machine_.daemon.log();
  EXPECT_NE(ak_name(), first);
}

TEST_F(CmcSelfEnrolment, WhatFailedIsTriedAgainAndUpdateCertsSaysWhy) {
  est_.spoil(Fault::host_name);
  start();
  ASSERT_TRUE(comes("is not certified by the fleet, which is tried again: enrolment: the certificate")) << machine_.daemon.log();
  std::string told = shown();
  for (const char* part : {R"("key":"ak")", R"("automatic":true)", R"("not_after":null)", R"("problem":"enrolment: the certificate of the attestation key)",
                           R"("remedy":"\"ak_roots\")", R"("tried":"2)", R"("next":"2)"})
    EXPECT_NE(told.find(part), std::string::npos) << part << " in " << told;
  EXPECT_NE(machine_.daemon.control(R"({"op":"status"})").find("did not certify the attestation key"), std::string::npos);
  std::string before = ak_name();
  auto refused = update_certs();
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().what.find("certificate of the attestation key"), std::string::npos) << refused.error().what;
  EXPECT_EQ(ak_name(), before);
  est_.spoil(Fault::none);
  EXPECT_TRUE(comes(kDone)) << machine_.daemon.log();
  told = shown();
  for (const char* part : {R"("problem":"","remedy":"")", R"(machine TPM AK","not_after":"2)", R"("renewal":"2)"})
    EXPECT_NE(told.find(part), std::string::npos) << part << " in " << told;
  std::string second = ak_name();
  EXPECT_NE(second, before);
  auto updated = update_certs();
  ASSERT_TRUE(updated) << updated.error().what;
  EXPECT_NE(ak_name(), second) << "UpdateCerts has another key certified";
}

// A TPM that is not there: nobody can say whether the key has a certificate, and the daemon goes on.
TEST_F(CmcSelfEnrolment, WithoutATpmItIsTriedAgain) {
  ASSERT_TRUE(machine_.good());
  std::string& members = machine_.daemon.members;
  std::size_t at = members.find(R"("tcti": ")");
  ASSERT_NE(at, std::string::npos) << members;
  members.insert(at + 9, "absent-");
  ASSERT_TRUE(machine_.daemon.start()) << machine_.daemon.log();
  ASSERT_TRUE(comes("is not certified by the fleet, which is tried again: tpm.")) << machine_.daemon.log();
  EXPECT_NE(shown().find(R"("next":"2)"), std::string::npos) << shown();
  EXPECT_TRUE(est_.requests().empty());
}

// The example of tpm2-tools' tests: an endorsement key whose certificate Intel serves there.
TEST(CmcEnrolmentOf, AKeyWhoseCertificateIsIntels) {
  PublicArea ek;
  ek.kind = PublicArea::Kind::rsa;
  auto modulus = from_hex(
      "c320e2f244a8601aacf3e01d26c665249935562de1da197e9e7f076c469613cfb653e98ec2c386fc1d133f2c8c6cc338b732f0b208bd838a877a3e5bbc3e1d40"
      "84e835c7c8906a1c05b4d2d30fdbebc1dbad950fa6b165bd4b6a864603146164c0c4f59d489011ef1f928deea6e90061f3d375e5646273151ef622252098be1a"
      "4ab01dc0a12227c609fdaceb115af408d4693a6f49919774695b0c12bc18a1ff7120a7337b2fb5f1951d8bb7f094d5b554c11c9523b30729fe64787d0a13b9e6"
      "30488dab4dfd86634a5270ec72fcc5a44dc679a8f32938dd8197e29dae839f5b4ca0f5de27c9522c23c54e1c2ce57859525118bd4470b18180eef78ae4267bcd");
  ASSERT_TRUE(modulus);
  ek.modulus = *modulus;
  EXPECT_EQ(ek_certificate_url("Intel", ek), "https://ekop.intel.com/ekcertservice/WVEG2rRwkQ7m3RpXlUphgo6Y2HLxl18h6ZZkkOAdnBE%3D");
  EXPECT_EQ(ek_certificate_url("IBM", ek), "");
  ek.kind = PublicArea::Kind::ecc;
  EXPECT_EQ(ek_certificate_url("Intel", ek), "");
}

}  // namespace
}  // namespace attest
