// Certificates of TPMs: every form they are kept in, and each check refuses under its own name.
#include <gtest/gtest.h>

#include <openssl/x509v3.h>

#include "evidence/core/hex.h"
#include "test/support/recording.h"
#include "test/support/test_ca.h"
#include "verifier/ek/checks.h"
#include "verifier/ek/ek.h"

namespace attest {
namespace {

using namespace attest::test;
namespace check = ek_check;

CertSpec ek_spec() {
  CertSpec spec;
  spec.common_name = "EK";
  spec.extensions = {{"basicConstraints", "critical,CA:FALSE"},
                     {"keyUsage", "critical,keyAgreement"},
                     {"extendedKeyUsage", "2.23.133.8.1"}};
  return spec;
}
CertSpec ca_spec(const std::string& name, const std::string& constraints = "critical,CA:TRUE") {
  CertSpec spec;
  spec.common_name = name;
  spec.extensions = {{"basicConstraints", constraints}, {"keyUsage", "critical,keyCertSign"}};
  return spec;
}

std::string first_failure(const Findings& found) {
  for (const Finding& one : found.checks)
    if (one.outcome == Outcome::fail) return one.id;
  return found.trusted() ? "trusted" : "nothing";
}
bool warned(const Findings& found, std::string_view id) {
  return std::ranges::any_of(
      found.checks, [&](const Finding& one) { return one.id == id && one.outcome == Outcome::warn; });
}

class EkTest : public testing::Test {
 protected:
  EkFindings judge(const Bytes& bytes) {
    EkFile file = must(read_ek_file(bytes));
    EkCertificate certificate = must(parse_ek_certificate(file.certificates.front()));
    EkQuestion question{&file, &certificate, &anchors, &intermediates, role, at, key};
    return must(judge_ek(question));
  }
  TestCert root = make_root("Vendor root");
  TestCert middle = issue(&root, ca_spec("Vendor intermediate"));
  std::vector<Bytes> anchors = {root.der()}, intermediates = {middle.der()};
  EkRole role = EkRole::ek;
  UnixTime at = kTestNow;
  Bytes key;
};

TEST_F(EkTest, EveryFormYieldsTheSameCertificate) {
  TestCert ek = issue(&middle, ek_spec());
  Bytes der = ek.der(), nv, padded = der, two = der;
  Writer header;
  header.u16be(0x1001);
  header.u8(0);
  header.u16be(static_cast<std::uint16_t>(der.size() + 2));
  header.u16be(0x1002);
  header.put(der);
  nv = must(std::move(header).finish("nv"));
  nv.insert(nv.end(), 30, 0x00);
  padded.insert(padded.end(), 100, 0xff);
  Bytes issuer = middle.der();
  two.insert(two.end(), issuer.begin(), issuer.end());
  std::string json = R"({"pubhash": "x", "certificate": ")" + to_base64url(der) + "%3D\"}";
  std::string pem = "a text in front\n" + ek.pem();
  for (const Bytes& form : {der, nv, padded, two, to_bytes(as_view(json)), to_bytes(as_view(pem))}) {
    EXPECT_EQ(must(read_ek_file(form)).certificates.front(), der);
    EXPECT_EQ(first_failure(judge(form)), "trusted");
  }
  EXPECT_EQ(must(read_ek_file(nv)).trailing_bytes, 30U);
  EXPECT_EQ(must(read_ek_file(padded)).trailing_bytes, 100U);
  intermediates.clear();
  EXPECT_EQ(first_failure(judge(two)), "trusted");  // the file brings its intermediate along
}

TEST_F(EkTest, NoCertificateIsNoCertificate) {
  EXPECT_EQ(read_ek_file({}).error().code, Errc::unsupported);
  EXPECT_EQ(read_ek_file(Bytes(64, 0xff)).error().code, Errc::unsupported);
  EXPECT_EQ(read_ek_file(Bytes(64, 0x41)).error().code, Errc::malformed);
  EXPECT_EQ(read_ek_file(as_view("{}")).error().code, Errc::malformed);
  Bytes der = issue(&middle, ek_spec()).der();
  for (std::size_t by = 1; by < der.size(); by += 13) EXPECT_FALSE(read_ek_file(truncated(der, by))) << by;
}

TEST_F(EkTest, NoChangedByteIsTrusted) {
  Bytes der = issue(&middle, ek_spec()).der();
  for (std::size_t i = 0; i < der.size(); i += 5) {
    Bytes bad = der;
    bad[i] ^= 0x04;
    Result<EkFile> file = read_ek_file(bad);
    if (!file || !parse_ek_certificate(file->certificates.front())) continue;
    EXPECT_NE(first_failure(judge(bad)), "trusted") << i;
  }
}

TEST_F(EkTest, WhatIsBehindItIsToldUnlessItIsPadding) {
  Bytes der = issue(&middle, ek_spec()).der();
  EXPECT_FALSE(warned(judge(trailed(der, 0xff)), check::kForm));
  EXPECT_TRUE(warned(judge(trailed(der, 0x41)), check::kForm));
}

TEST_F(EkTest, ChainIsRefused) {
  Bytes der = issue(&middle, ek_spec()).der();
  anchors = {make_root("Stranger").der()};
  EXPECT_EQ(first_failure(judge(der)), check::kChain);
  anchors = {root.der()};
  intermediates.clear();
  EXPECT_EQ(first_failure(judge(der)), check::kChain);
  TestCert twin = issue(&root, ca_spec("Vendor intermediate"));
  intermediates = {twin.der()};
  EXPECT_EQ(first_failure(judge(der)), check::kSignature);
}

// Its issuer is not at hand, but the number that the issuer gave is: to the trusted certificate.
TEST_F(EkTest, AChangedCopyOfATrustedCertificateIsNotSignedForWhatItSays) {
  Bytes der = middle.der(), bad = der;
  anchors = {der};
  intermediates.clear();
  role = EkRole::ca;
  EXPECT_EQ(first_failure(judge(der)), "trusted");
  bad.back() ^= 1;  // of the signature
  EXPECT_EQ(first_failure(judge(bad)), check::kSignature);
  Bytes name = to_bytes(as_view("Vendor intermediate"));
  bad = der;
  std::ranges::search(bad, name).front() ^= 1;  // of what is signed
  EXPECT_EQ(first_failure(judge(bad)), check::kSignature);
  EXPECT_EQ(first_failure(judge(issue(&root, ca_spec("Vendor intermediate")).der())), check::kChain);  // another number
}

TEST_F(EkTest, AnAnchorNeedNotBeSelfSigned) {
  anchors = {middle.der()};
  intermediates.clear();
  EkFindings found = judge(issue(&middle, ek_spec()).der());
  EXPECT_EQ(first_failure(found), "trusted");
  EXPECT_FALSE(found.path.complete);
}

TEST_F(EkTest, TimeIsRefused) {
  Bytes der = issue(&middle, ek_spec()).der();
  at = kTestNow + 400 * kDay;
  EXPECT_EQ(first_failure(judge(der)), check::kTime);
  at = kTestNow - 2 * kDay;
  EXPECT_EQ(first_failure(judge(der)), check::kTime);
}

TEST_F(EkTest, IssuersMayIssue) {
  CertSpec leaf = ek_spec();
  TestCert no_ca = issue(&root, leaf);
  intermediates = {no_ca.der()};
  EXPECT_EQ(first_failure(judge(issue(&no_ca, leaf).der())), check::kIssuers);
  TestCert narrow = issue(&root, ca_spec("Narrow", "critical,CA:TRUE,pathlen:0"));
  TestCert below = issue(&narrow, ca_spec("Below"));
  intermediates = {narrow.der(), below.der()};
  EXPECT_EQ(first_failure(judge(issue(&below, leaf).der())), check::kIssuers);
  CertSpec limited = ca_spec("Limited");
  limited.extensions.push_back({"nameConstraints", "critical,permitted;DNS:example.com"});
  TestCert constrained = issue(&root, limited);
  intermediates = {constrained.der()};
  EXPECT_EQ(first_failure(judge(issue(&constrained, leaf).der())), check::kIssuers);
}

TEST_F(EkTest, AlgorithmsThatNoLongerHoldAreRefusedOrTold) {
  CertSpec weak = ek_spec();
  weak.digest = "SHA1";
  EXPECT_TRUE(warned(judge(issue(&middle, weak).der()), check::kAlgorithms));
  TestCert small = issue(&root, [] {
    CertSpec spec = ca_spec("Small");
    spec.key = "RSA-1024";
    return spec;
  }());
  intermediates = {small.der()};
  EXPECT_EQ(first_failure(judge(issue(&small, ek_spec()).der())), check::kAlgorithms);
}

TEST_F(EkTest, UsageIsRefused) {
  CertSpec spec = ek_spec();
  spec.extensions[2].second = "serverAuth";
  EXPECT_EQ(first_failure(judge(issue(&middle, spec).der())), check::kUsage);
  spec = ek_spec();
  spec.extensions[1].second = "critical,digitalSignature";
  EXPECT_EQ(first_failure(judge(issue(&middle, spec).der())), check::kUsage);
  role = EkRole::ak;
  EXPECT_EQ(first_failure(judge(issue(&middle, spec).der())), "trusted");  // as clouds issue them
  role = EkRole::ek;
  EXPECT_EQ(first_failure(judge(middle.der())), check::kUsage);
  role = EkRole::ca;
  EXPECT_EQ(first_failure(judge(middle.der())), "trusted");
  EXPECT_EQ(first_failure(judge(issue(&middle, ek_spec()).der())), check::kUsage);
}

TEST_F(EkTest, TheKeyIsTheTpms) {
  TestCert ek = issue(&middle, ek_spec());
  key = spki_der(ek.key.get());
  EXPECT_EQ(first_failure(judge(ek.der())), "trusted");
  key = spki_der(root.key.get());
  EXPECT_EQ(first_failure(judge(ek.der())), check::kKey);
}

TEST_F(EkTest, AnExtensionThatStandsTwiceIsMalformed) {
  CertSpec spec = ek_spec();
  spec.extensions.push_back({"extendedKeyUsage", "serverAuth"});
  EXPECT_EQ(parse_ek_certificate(issue(&middle, spec).der()).error().code, Errc::malformed);
}

TEST(EkStore, EveryBuiltInRootIsGenuine) {
  for (const char* name : {"roots", "intermediates"}) {
    std::vector<Bytes> store =
        must(read_certificates(std::string(ATTEST_SOURCE_DIR) + "/conf/ek-roots/" + name + ".pem"));
    std::vector<Bytes> anchors =
        must(read_certificates(std::string(ATTEST_SOURCE_DIR) + "/conf/ek-roots/roots.pem"));
    std::size_t complete = 0;
    for (const Bytes& der : store) {
      CertificatePath path = must(find_path({der, &store, &anchors}));
      EXPECT_TRUE(path.anchor) << subject_text(path.certificates.front().get());
      EXPECT_EQ(X509_check_ca(path.certificates.front().get()), 1);
      complete += path.complete ? 1 : 0;
    }
    EXPECT_GE(complete, 14U) << name;
  }
}

}  // namespace
}  // namespace attest
