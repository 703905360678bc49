#include "evidence/x509/chain.h"

#include <gtest/gtest.h>
#include <openssl/err.h>
#include <openssl/params.h>

#include "evidence/core/file.h"
#include "test/support/test_ca.h"
#include "test/support/testdata.h"

namespace attest {
namespace {

using namespace attest::test;

CertSpec ak_spec() {
  CertSpec spec;
  spec.common_name = "host-a AK";
  spec.extensions = {{"basicConstraints", "critical,CA:FALSE"},
                     {"keyUsage", "critical,digitalSignature"},
                     {"extendedKeyUsage", "2.23.133.8.3"}};
  return spec;
}

CertSpec ca_spec(const std::string& name) {
  CertSpec spec;
  spec.common_name = name;
  spec.extensions = {{"basicConstraints", "critical,CA:TRUE"}, {"keyUsage", "critical,keyCertSign,cRLSign"}};
  return spec;
}

// huge_rsa is an RSA public key of 4,104 bits, made up: nobody needs its primes to get it certified.
OwnedPkey huge_rsa() {
  Bytes n(513, 0xa5), e = {1, 0, 1};
  OSSL_PARAM params[] = {OSSL_PARAM_construct_BN("n", n.data(), n.size()),
                         OSSL_PARAM_construct_BN("e", e.data(), e.size()), OSSL_PARAM_construct_end()};
  EVP_PKEY* key = nullptr;
  OwnedPkeyCtx ctx(EVP_PKEY_CTX_new_from_name(nullptr, "RSA", nullptr));
  EXPECT_EQ(EVP_PKEY_fromdata_init(ctx.get()), 1);
  EXPECT_EQ(EVP_PKEY_fromdata(ctx.get(), &key, EVP_PKEY_PUBLIC_KEY, params), 1);
  return OwnedPkey(key);
}

class Chain : public ::testing::Test {
 protected:
  Chain() : root_(make_root("Root")) {}
  std::string refusal(const std::vector<Bytes>& chain, ChainRole role, UnixTime when = kTestNow) {
    auto facts = verify_chain(chain, {root_.der()}, crls_, role, when);
    return facts ? "accepted" : std::string(errc_name(facts.error().code)) + ": " + facts.error().what;
  }
  TestCert root_;
  std::vector<Bytes> crls_;
};

TEST_F(Chain, SignerBelowTheRootVerifies) {
  TestCert signer = make_signer(root_);
  auto facts = verify_chain({signer.der()}, {root_.der()}, {}, ChainRole::metadata_signer, kTestNow);
  ASSERT_TRUE(facts) << facts.error().what;
  EXPECT_EQ((*facts)->common_name, "Test Signer");
  EXPECT_EQ((*facts)->subject, "CN=Test Signer");
  EXPECT_EQ((*facts)->leaf_der, signer.der());
  EXPECT_EQ((*facts)->root, sha256(root_.der()));
  EXPECT_EQ((*facts)->not_after, kTestNow + 365 * kDay);
  EXPECT_EQ(EVP_PKEY_eq((*facts)->key.get(), signer.key.get()), 1);
}

TEST_F(Chain, IntermediatesAndTheRootItselfMayComeAlong) {
  TestCert middle = issue(&root_, ca_spec("Middle"));
  TestCert ak = issue(&middle, ak_spec());
  EXPECT_EQ(refusal({ak.der(), middle.der()}, ChainRole::attestation_key), "accepted");
  EXPECT_EQ(refusal({ak.der(), middle.der(), root_.der()}, ChainRole::attestation_key), "accepted");
  EXPECT_EQ(refusal({ak.der()}, ChainRole::attestation_key),
            "untrusted: certificate \"CN=host-a AK\" (depth 0): unable to get local issuer certificate");
}

TEST_F(Chain, AnotherRootIsNotEnough) {
  TestCert other = make_root("Root");  // the same name, another key
  EXPECT_TRUE(refusal({issue(&other, ak_spec()).der(), other.der()}, ChainRole::attestation_key)
                  .starts_with("untrusted"));
  EXPECT_TRUE(
      refusal({issue(nullptr, ak_spec()).der()}, ChainRole::attestation_key).starts_with("untrusted"));
}

TEST_F(Chain, ValidityIsJudgedAtTheMomentGiven) {
  TestCert ak = issue(&root_, ak_spec());
  EXPECT_EQ(refusal({ak.der()}, ChainRole::attestation_key, kTestNow + 366 * kDay),
            "stale: certificate \"CN=host-a AK\" (depth 0): certificate has expired");
  EXPECT_EQ(refusal({ak.der()}, ChainRole::attestation_key, kTestNow - 2 * kDay).substr(0, 5), "stale");
}

TEST_F(Chain, TooManyOrNoCertificatesAreRefused) {
  TestCert ak = issue(&root_, ak_spec());
  EXPECT_EQ(refusal({}, ChainRole::attestation_key), "malformed: certificate chain: empty");
  EXPECT_EQ(refusal(std::vector<Bytes>(5, ak.der()), ChainRole::attestation_key),
            "malformed: certificate chain: 5 certificates, at most 4");
}

TEST_F(Chain, TamperedTruncatedAndTrailingTwinsAreRefused) {
  Bytes der = issue(&root_, ak_spec()).der();
  for (std::size_t at : {std::size_t{20}, der.size() / 2, der.size() - 1}) {
    Bytes twin = der;
    twin[at] ^= 1;
    EXPECT_NE(refusal({twin}, ChainRole::attestation_key), "accepted") << at;
  }
  Bytes shorter(der.begin(), der.end() - 1), longer = der;
  longer.push_back(0);
  EXPECT_TRUE(refusal({shorter}, ChainRole::attestation_key).starts_with("malformed"));
  EXPECT_TRUE(refusal({longer}, ChainRole::attestation_key).starts_with("malformed"));
}

TEST_F(Chain, KeysOutsideTheBoundsAreRefused) {
  for (const char* good : {"P-384", "P-521", "RSA-2048"}) {
    CertSpec spec = ak_spec();
    spec.key = good;
    EXPECT_EQ(refusal({issue(&root_, spec).der()}, ChainRole::attestation_key), "accepted") << good;
  }
  for (const char* bad : {"RSA-1024", "secp256k1", "ED25519"}) {
    CertSpec spec = ak_spec();
    spec.key = bad;
    EXPECT_TRUE(refusal({issue(&root_, spec).der()}, ChainRole::attestation_key).starts_with("unsupported"))
        << bad;
  }
  TestCert huge = issue_for(&root_, ak_spec(), huge_rsa());
  EXPECT_TRUE(refusal({huge.der()}, ChainRole::attestation_key).starts_with("unsupported"));
}

TEST_F(Chain, Sha1SignaturesAreRefused) {
  CertSpec spec = ak_spec();
  spec.digest = "SHA1";
  EXPECT_TRUE(refusal({issue(&root_, spec).der()}, ChainRole::attestation_key).starts_with("untrusted"));
}

TEST_F(Chain, ALeafCannotIssue) {
  TestCert signer = make_signer(root_);
  EXPECT_TRUE(refusal({issue(&signer, ak_spec()).der(), signer.der()}, ChainRole::attestation_key)
                  .starts_with("untrusted"));
}

TEST_F(Chain, RevokedAndUncoveredLeavesAreRefused) {
  TestCert good = issue(&root_, ak_spec()), bad = issue(&root_, ak_spec());
  crls_ = {make_crl(root_, {&bad})};
  EXPECT_EQ(refusal({good.der()}, ChainRole::attestation_key), "accepted");
  EXPECT_EQ(refusal({bad.der()}, ChainRole::attestation_key),
            "untrusted: certificate \"CN=host-a AK\" (depth 0): certificate revoked");
  EXPECT_TRUE(refusal({good.der()}, ChainRole::attestation_key, kTestNow + 2 * kDay).starts_with("stale"));
  TestCert other = make_root("Other");
  crls_ = {make_crl(other, {})};
  EXPECT_TRUE(refusal({good.der()}, ChainRole::attestation_key).starts_with("untrusted"));
}

TEST_F(Chain, IntermediateIsCheckedOnlyWhereItsIssuerGaveACrl) {
  TestCert middle = issue(&root_, ca_spec("Middle"));
  TestCert ak = issue(&middle, ak_spec());
  crls_ = {make_crl(middle, {})};
  EXPECT_EQ(refusal({ak.der(), middle.der()}, ChainRole::attestation_key), "accepted");
  crls_ = {make_crl(middle, {}), make_crl(root_, {&middle})};
  EXPECT_TRUE(refusal({ak.der(), middle.der()}, ChainRole::attestation_key).starts_with("untrusted"));
  crls_ = {make_crl(root_, {})};
  EXPECT_TRUE(refusal({ak.der(), middle.der()}, ChainRole::attestation_key).starts_with("untrusted"));
}

TEST_F(Chain, ReadsFilesOfOneOrSeveralCertificates) {
  TestCert signer = make_signer(root_);
  std::string pem = signer.pem() + "a comment\n" + root_.pem();
  auto ders = split_certificates(as_view(pem), "chain.pem");
  ASSERT_TRUE(ders) << ders.error().what;
  EXPECT_EQ(*ders, (std::vector<Bytes>{signer.der(), root_.der()}));
  EXPECT_EQ(certificates_to_pem(*ders), signer.pem() + root_.pem());
  EXPECT_EQ(*split_certificates(root_.der(), "root.der"), std::vector<Bytes>{root_.der()});
  EXPECT_EQ(split_crls(make_crl(root_, {}), "root.crl")->size(), 1u);
  auto refuse = [](std::string_view text) { return split_certificates(as_view(text), "x.pem").error().what; };
  EXPECT_EQ(refuse(""), "x.pem: no certificate in it");
  EXPECT_EQ(refuse(signer.key_pem()), "x.pem: a PEM block \"PRIVATE KEY\" in a file of certificates");
  EXPECT_EQ(refuse(pem.substr(0, pem.size() - 30)), "x.pem: broken PEM block");
  Bytes trailing = root_.der();
  trailing.push_back(0);
  EXPECT_EQ(refuse(as_text(trailing)), "x.pem: certificate: trailing bytes");
  EXPECT_EQ(ERR_peek_error(), 0u);
}

TEST_F(Chain, NoRootsAreDenied) {
  EXPECT_EQ(TrustStore::make({}).error().code, Errc::denied);
  EXPECT_EQ(TrustStore::make({Bytes{1}}).error().code, Errc::malformed);
}

TEST(ChainRecorded, TheRecordedRootVerifiesItsSigner) {
  auto roots = read_certificates(fixture("metadata/ca.pem"));
  ASSERT_TRUE(roots) << roots.error().what;
  ASSERT_EQ(roots->size(), 1u);
  EXPECT_EQ(subject_text(parse_certificate(roots->front())->get()),
            "CN=Test Root CA,OU=Root CA,O=Test Company,L=Test City,C=DE");
}

}  // namespace
}  // namespace attest
