// What CMC's provisioning server answers to an attestation key: the recorded answer opens, in both forms of CMS, and what
// was bent does not.
#include <gtest/gtest.h>

#include <filesystem>

#include "evidence/cmc/est_challenge.h"
#include "evidence/core/file.h"
#include "evidence/core/hex.h"
#include "evidence/x509/certificate.h"
#include "test/support/est_server.h"
#include "test/support/recording.h"

namespace attest {
namespace {

using namespace attest::test;

const std::string kFolder = std::string(ATTEST_TESTDATA) + "/cmc/est/";
// What the recorded TPM says to the recorded credential (drivers_creation_test asks it).
constexpr const char* kSecret = "9be8c7ccffc69b2e51c5f69b150c595c5792618ccdae16efdf8680df6ccc4814";

Secret recorded_secret() { return Secret::copy_of(must(from_hex(kSecret))); }
Bytes http(std::string_view text) { return to_bytes(as_view("HTTP/1.1 " + std::string(text))); }

TEST(CmcChallenge, TheRecordedOneOpens) {
  if (!std::filesystem::exists(kFolder)) GTEST_SKIP() << "../shared/testdata/cmc is not there";
  Bytes answer = http(as_text(must(attest::read_file(kFolder + "03-.well-known_est_tpmactivateenroll.response", 1 << 20))));
  auto challenge = parse_est_challenge(answer);
  ASSERT_TRUE(challenge) << challenge.error().what;
  EXPECT_EQ(challenge->credential.size(), 70U);
  EXPECT_EQ(challenge->secret.size(), 258U);
  auto certificate = open_est_certificate(challenge->certificate, recorded_secret());
  ASSERT_TRUE(certificate) << certificate.error().what;
  auto chain = read_certificates(kFolder + "tpm_ak_chain.pem");
  ASSERT_TRUE(chain) << chain.error().what;
  EXPECT_EQ(*certificate, chain->front()) << "the certificate that CMC's agent stored";
  for (std::size_t cut = 1; cut < answer.size(); cut += 7) EXPECT_FALSE(parse_est_challenge(truncated(answer, cut))) << cut;
  EXPECT_FALSE(parse_est_challenge(trailed(answer)));
}

TEST(CmcChallenge, BothFormsAndTheirTwins) {
  Bytes text(600, 0x5a);
  for (bool cmc_form : {true, false}) {
    Bytes cms = encrypted_certificate(text, recorded_secret(), cmc_form);
    auto opened = open_est_certificate(cms, recorded_secret());
    ASSERT_TRUE(opened) << opened.error().what;
    EXPECT_EQ(*opened, text);
    for (std::size_t at = 0; at < cms.size(); at++) EXPECT_FALSE(open_est_certificate(flipped(cms, at), recorded_secret())) << at;
    for (std::size_t cut = 1; cut <= cms.size(); cut++) EXPECT_FALSE(open_est_certificate(truncated(cms, cut), recorded_secret())) << cut;
    EXPECT_FALSE(open_est_certificate(trailed(cms), recorded_secret()));
    EXPECT_EQ(open_est_certificate(cms, Secret::copy_of(Bytes(32))).error().code, Errc::untrusted);
    EXPECT_EQ(open_est_certificate(cms, Secret::copy_of(Bytes(16))).error().code, Errc::malformed);
  }
}

TEST(CmcChallenge, AnswersThatAreNone) {
  const std::string part = "\r\nContent-Type: x\r\n\r\nAAAA\r\n\r\n--b", head = "200 OK\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n";
  auto parsed = [](const std::string& text) { return parse_est_challenge(http(text)); };
  EXPECT_TRUE(parsed(head + "--b" + part + part + part + "--\r\n"));
  EXPECT_TRUE(parsed("200 OK\r\nContent-Type: multipart/mixed; boundary=\"b\"\r\n\r\n--b" + part + part + part + "--"));
  EXPECT_EQ(parsed("400 Bad Request\r\n\r\n401 no token").error().code, Errc::denied);
  EXPECT_NE(parsed("400 Bad Request\r\n\r\n401 no token").error().what.find("401 no token"), std::string::npos);
  for (const std::string& bad : {head + "--b" + part + part + "--\r\n", head + "--b" + part + part + part + part + "--\r\n",
                                 head + "--b" + part + part + part, head + "preamble\r\n--b" + part + part + part + "--\r\n",
                                 head + "--b" + part + part + "\r\nContent-Type: x\r\n\r\n!!!\r\n--b--\r\n",
                                 head + "--b" + part + part + "\r\nno head\r\n--b--\r\n", head,
                                 std::string("200 OK\r\nContent-Type: application/pkcs7-mime\r\n\r\nAAAA"),
                                 std::string("200 OK\r\nContent-Type: multipart/mixed; boundary=\r\n\r\n--"),
                                 std::string("200 OK\r\n\r\n")})
    EXPECT_EQ(parsed(bad).error().code, Errc::malformed) << bad;
  EXPECT_FALSE(parse_est_challenge({}));
  EXPECT_FALSE(parse_est_challenge(as_view("nonsense")));
}

}  // namespace
}  // namespace attest
