#include "apps/attestctl/certs.h"

#include <gtest/gtest.h>

#include "apps/attestctl/endorsement.h"
#include "evidence/core/file.h"
#include "evidence/x509/chain.h"

namespace attest::ctl {
namespace {

struct Made {
  OwnedPkey key;
  Bytes der;
  OwnedX509 cert;
};

Made make(const CertProfile& profile, const Made* issuer, const char* algorithm = "ec-p256") {
  Made made;
  made.key = std::move(*new_key(algorithm));
  auto der = issue(profile, made.key.get(), issuer ? issuer->cert.get() : nullptr,
                   issuer ? issuer->key.get() : made.key.get());
  EXPECT_TRUE(der) << der.error().what;
  if (!der) return made;
  made.der = *der;
  made.cert = std::move(*parse_certificate(made.der));
  return made;
}

const CertProfile kRoot{"root", 30, true, "", {}};

TEST(Certs, AKeyBehindAPassphraseOpensWithThatAlone) {
  std::string folder = testing::TempDir(), key_file = folder + "/sealed.key", right = folder + "/right", wrong = folder + "/wrong",
              none = folder + "/none";
  ASSERT_TRUE(write_file_atomic(right, as_view("correct horse\n"), 0600));
  ASSERT_TRUE(write_file_atomic(wrong, as_view("correct horse "), 0600));
  ASSERT_TRUE(write_file_atomic(none, as_view("\n"), 0600));
  for (const char* algorithm : {"ec-p256", "rsa-3072"}) {
    auto key = new_key(algorithm);
    ASSERT_TRUE(key);
    auto pem = key_pem(key->get(), right);
    ASSERT_TRUE(pem) << pem.error().what;
    EXPECT_TRUE(as_text(pem->reveal()).starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----"));
    ASSERT_TRUE(write_file_atomic(key_file, pem->reveal(), 0600));
    auto opened = read_key(key_file, right);
    ASSERT_TRUE(opened) << opened.error().what;
    EXPECT_EQ(spki_sha256_hex(opened->get()), spki_sha256_hex(key->get()));
    auto refused = read_key(key_file, wrong);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::denied);
    EXPECT_FALSE(read_key(key_file)) << "nobody is asked for it";
    ASSERT_TRUE(write_file_atomic(key_file, key_pem(key->get())->reveal(), 0600));
    EXPECT_TRUE(read_key(key_file, wrong)) << "a key without one needs none";
  }
  EXPECT_FALSE(read_passphrase(none)) << "an empty one is none";
  EXPECT_FALSE(read_key(key_file, folder + "/no-such-file"));
}

TEST(Certs, AnAkCertificateIsGoodForAttestationKeysAndNothingElse) {
  for (const char* algorithm : {"ec-p256", "ec-p384", "rsa-3072"}) {
    Made root = make(kRoot, nullptr, algorithm);
    Made ak = make({"host", 30, false, "2.23.133.8.3", {}}, &root);
    UnixTime now = wall_clock_now();
    auto facts = verify_chain({ak.der}, {root.der}, {}, ChainRole::attestation_key, now);
    ASSERT_TRUE(facts) << algorithm << ": " << facts.error().what;
    EXPECT_EQ((*facts)->common_name, "host");
    EXPECT_FALSE(verify_chain({ak.der}, {root.der}, {}, ChainRole::metadata_signer, now));
    EXPECT_FALSE(verify_chain({ak.der}, {root.der}, {}, ChainRole::attestation_key, now + 31 * 86400));
    Made other = make(kRoot, nullptr);
    EXPECT_FALSE(verify_chain({ak.der}, {other.der}, {}, ChainRole::attestation_key, now));
  }
}

TEST(Certs, ASignerCertificateIsGoodForMetadata) {
  Made root = make(kRoot, nullptr);
  Made signer = make({"Example Ops", 30, false, "codeSigning", {}}, &root);
  EXPECT_TRUE(verify_chain({signer.der}, {root.der}, {}, ChainRole::metadata_signer, wall_clock_now()));
  EXPECT_FALSE(verify_chain({signer.der}, {root.der}, {}, ChainRole::attestation_key, wall_clock_now()));
}

TEST(Certs, KeysSurviveTheirPem) {
  Made root = make(kRoot, nullptr);
  auto pem = key_pem(root.key.get());
  ASSERT_TRUE(pem);
  std::string path = testing::TempDir() + "apps_certs_test.key";
  ASSERT_TRUE(write_file_atomic(path, pem->reveal(), 0600));
  auto key = read_key(path);
  ASSERT_TRUE(key) << key.error().what;
  EXPECT_EQ(EVP_PKEY_eq(key->get(), root.key.get()), 1);
  ASSERT_TRUE(
      write_file_atomic(path, as_view("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")));
  EXPECT_FALSE(read_key(path));
}

TEST(Certs, NamesOfUnknownFormAndAlgorithmAreRefused) {
  Made root = make(kRoot, nullptr);
  EXPECT_FALSE(issue({"x", 30, false, "serverAuth", {"a.example,IP:0.0.0.0"}}, root.key.get(), nullptr,
                     root.key.get()));
  EXPECT_TRUE(issue({"x", 30, false, "serverAuth", {"a.example", "*.b.example"}}, root.key.get(), nullptr,
                    root.key.get()));
  EXPECT_FALSE(new_key("dsa-1024"));
}

TEST(Certs, APublicKeyFillsItsBytes) {
  Made root = make(kRoot, nullptr);
  Bytes der = spki_der(root.key.get());
  EXPECT_TRUE(parse_spki(der));
  der.push_back(0);
  EXPECT_FALSE(parse_spki(der));
  der.resize(der.size() - 2);
  EXPECT_FALSE(parse_spki(der));
}

// Judging an endorsement key: its certificate, its pin, or a refusal that names the pin.
class Endorsements : public testing::Test {
 protected:
  void SetUp() override {
    root_ = make(kRoot, nullptr);
    middle_ = make({"maker", 30, true, "", {}}, &root_);
    ek_ = make({"ek", 30, false, "2.23.133.8.1", {}, "keyAgreement"}, &middle_);
    path_ = testing::TempDir() + "apps_certs_test.pem";
    ASSERT_TRUE(write_file_atomic(path_, as_view(certificates_to_pem({middle_.der, root_.der}))));
  }
  Endorsement endorsement(const Made& key, std::vector<Bytes> certificates) {
    Endorsement out;
    EVP_PKEY_up_ref(key.key.get());
    out.key.key = std::shared_ptr<EVP_PKEY>(key.key.get(), EVP_PKEY_free);
    out.certificates = std::move(certificates);
    return out;
  }
  Made root_, middle_, ek_;
  std::string path_;
};

TEST_F(Endorsements, AMakersCertificateIsEnoughEvenWithPaddingBehindIt) {
  Bytes padded = ek_.der;
  padded.resize(padded.size() + 100, 0xff);
  EXPECT_TRUE(judge_endorsement(endorsement(ek_, {ek_.der}), {{path_}, {}}, wall_clock_now()));
  EXPECT_TRUE(judge_endorsement(endorsement(ek_, {padded}), {{path_}, {}}, wall_clock_now()));
  padded.back() = 1;
  EXPECT_FALSE(judge_endorsement(endorsement(ek_, {padded}), {{path_}, {}}, wall_clock_now()));
}

TEST_F(Endorsements, ACertificateOfAnotherKeyOrMakerIsNotEnough) {
  Made other = make({"ek", 30, false, "2.23.133.8.1", {}, "keyAgreement"}, &middle_);
  EXPECT_FALSE(judge_endorsement(endorsement(other, {ek_.der}), {{path_}, {}}, wall_clock_now()));
  Made stranger = make({"ek", 30, false, "2.23.133.8.1", {}, "keyAgreement"}, nullptr);
  EXPECT_FALSE(judge_endorsement(endorsement(stranger, {stranger.der}), {{path_}, {}}, wall_clock_now()));
  EXPECT_FALSE(judge_endorsement(endorsement(ek_, {}), {{path_}, {}}, wall_clock_now()));
}

TEST_F(Endorsements, WithoutRootsTheRefusalNamesThePinAndThePinIsAccepted) {
  auto refused = judge_endorsement(endorsement(ek_, {ek_.der}), {}, wall_clock_now());
  ASSERT_FALSE(refused);
  std::string pin = spki_sha256_hex(ek_.key.get());
  EXPECT_NE(refused.error().what.find("--accept-ek " + pin), std::string::npos);
  EXPECT_TRUE(judge_endorsement(endorsement(ek_, {}), {{}, {pin}}, wall_clock_now()));
  std::ranges::transform(pin, pin.begin(),
                         [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  EXPECT_TRUE(judge_endorsement(endorsement(ek_, {}), {{}, {pin}}, wall_clock_now()));
}

}  // namespace
}  // namespace attest::ctl
