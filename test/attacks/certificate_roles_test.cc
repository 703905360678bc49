// A certificate that is good for one role is presented for another.
#include <gtest/gtest.h>

#include "evidence/x509/chain.h"
#include "test/support/test_ca.h"

namespace attest {
namespace {

using namespace attest::test;

class Roles : public ::testing::Test {
 protected:
  Roles() : root_(make_root("Root")) {}
  std::string refusal(std::vector<std::pair<std::string, std::string>> extensions, ChainRole role) {
    CertSpec spec;
    spec.common_name = "leaf";
    spec.extensions = std::move(extensions);
    auto facts = verify_chain({issue(&root_, spec).der()}, {root_.der()}, {}, role, kTestNow);
    if (facts) return "accepted";
    EXPECT_EQ(facts.error().code, Errc::untrusted);
    return facts.error().what.substr(facts.error().what.find("): ") + 3);
  }
  TestCert root_;
};

TEST_F(Roles, MetadataSigner) {
  auto role = ChainRole::metadata_signer;
  EXPECT_EQ(refusal({}, role), "accepted");
  EXPECT_EQ(refusal({{"extendedKeyUsage", "codeSigning"}}, role), "accepted");
  EXPECT_EQ(refusal({{"extendedKeyUsage", "serverAuth,clientAuth"}}, role),
            "extended key usage lacks 1.3.6.1.5.5.7.3.3");
  EXPECT_EQ(refusal({{"extendedKeyUsage", "codeSigning,serverAuth"}}, role),
            "extended key usage 1.3.6.1.5.5.7.3.1 belongs to another role");
  EXPECT_EQ(refusal({{"extendedKeyUsage", "2.23.133.8.3"}}, role),
            "extended key usage lacks 1.3.6.1.5.5.7.3.3");
  EXPECT_EQ(refusal({{"extendedKeyUsage", "anyExtendedKeyUsage"}}, role),
            "extended key usage lacks 1.3.6.1.5.5.7.3.3");
  EXPECT_EQ(refusal({{"keyUsage", "critical,keyEncipherment"}}, role), "key usage does not fit its role");
}

TEST_F(Roles, AttestationKey) {
  auto role = ChainRole::attestation_key;
  EXPECT_EQ(refusal({{"extendedKeyUsage", "2.23.133.8.3"}}, role), "accepted");
  EXPECT_EQ(refusal({}, role), "no extended key usage, 2.23.133.8.3 is due");
  EXPECT_EQ(refusal({{"extendedKeyUsage", "codeSigning"}}, role), "extended key usage lacks 2.23.133.8.3");
  EXPECT_EQ(refusal({{"extendedKeyUsage", "2.23.133.8.3,clientAuth"}}, role),
            "extended key usage 1.3.6.1.5.5.7.3.2 belongs to another role");
  EXPECT_EQ(refusal({{"extendedKeyUsage", "2.23.133.8.3"}, {"subjectAltName", "DNS:web.example"}}, role),
            "names a host, as TLS certificates do");
  EXPECT_EQ(refusal({{"extendedKeyUsage", "2.23.133.8.3"}, {"subjectAltName", "IP:127.0.0.1"}}, role),
            "names a host, as TLS certificates do");
}

TEST_F(Roles, EndorsementKey) {
  auto role = ChainRole::endorsement_key;
  EXPECT_EQ(refusal({{"extendedKeyUsage", "2.23.133.8.1"}, {"keyUsage", "keyEncipherment"}}, role),
            "accepted");
  EXPECT_EQ(refusal({{"extendedKeyUsage", "2.23.133.8.3"}}, role), "extended key usage lacks 2.23.133.8.1");
}

TEST_F(Roles, UnknownCriticalExtensionIsRefused) {
  EXPECT_EQ(refusal({{"1.2.3.4", "critical,DER:0500"}}, ChainRole::metadata_signer),
            "unhandled critical extension");
}

TEST_F(Roles, UnreadableUsagesAreRefused) {
  EXPECT_NE(refusal({{"2.5.29.37", "DER:0500"}}, ChainRole::metadata_signer), "accepted");
  EXPECT_NE(refusal({{"2.5.29.37", "DER:3000"}}, ChainRole::metadata_signer), "accepted");
}

TEST_F(Roles, AnIssuerForTlsCannotIssueSigners) {
  CertSpec tls_ca;
  tls_ca.common_name = "TLS CA";
  tls_ca.extensions = {{"basicConstraints", "critical,CA:TRUE"}, {"extendedKeyUsage", "serverAuth"}};
  TestCert middle = issue(&root_, tls_ca);
  auto facts = verify_chain({make_signer(middle).der(), middle.der()}, {root_.der()}, {},
                            ChainRole::metadata_signer, kTestNow);
  ASSERT_FALSE(facts);
  EXPECT_EQ(facts.error().what, "certificate \"CN=TLS CA\" (depth 1): may not issue for 1.3.6.1.5.5.7.3.3");
}

TEST_F(Roles, ARootOfAnotherRoleIsNotAsked) {
  TestCert ak_root = make_root("AK Root");
  EXPECT_FALSE(verify_chain({make_signer(ak_root).der(), ak_root.der()}, {root_.der()}, {},
                            ChainRole::metadata_signer, kTestNow));
}

}  // namespace
}  // namespace attest
