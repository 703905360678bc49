// Credential activation: a secret made in software for the attestation key is opened by the TPM.
#include "drivers/tpm/activation.h"

#include <gtest/gtest.h>

#include <openssl/pem.h>

#include <fstream>

#include "drivers/secret_file.h"
#include "drivers/sw/key_file.h"
#include "drivers/table.h"
#include "drivers/tpm/nv.h"
#include "evidence/core/file.h"
#include "evidence/tpm/credential.h"
#include "evidence/x509/certificate.h"
#include "test/support/tpm_driver.h"

namespace attest {
namespace {

// certificate_for is PEM of a certificate for `subject`.
std::string certificate_for(EVP_PKEY* subject, EVP_PKEY* issuer) {
  OwnedX509 x509(X509_new());
  ASN1_INTEGER_set(X509_get_serialNumber(x509.get()), 1);
  X509_gmtime_adj(X509_getm_notBefore(x509.get()), 0);
  X509_gmtime_adj(X509_getm_notAfter(x509.get()), 3600);
  X509_set_pubkey(x509.get(), subject);
  X509_sign(x509.get(), issuer, EVP_sha256());
  OwnedBio bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_X509(bio.get(), x509.get());
  char* data = nullptr;
  long size = BIO_get_mem_data(bio.get(), &data);
  return {data, static_cast<std::size_t>(size)};
}

class ActivationTest : public test::TpmDriverTest {
 protected:
  void start(bool ek_certs) {
    TpmDriverTest::start({.ek_certs = ek_certs});
    config_.ak_chain = config_.state_dir / "ak.pem";
    open();
  }
  // activates: a credential for the request's keys comes back as it was made.
  void activates(const EnrollRequest& request) {
    auto ek = parse_public(request.ek_public);
    ASSERT_TRUE(ek) << ek.error().what;
    auto value = random_secret(32);
    ASSERT_TRUE(value);
    auto credential = make_credential(*ek, request.ak_name, *value);
    ASSERT_TRUE(credential) << credential.error().what;
    auto opened = opened_.enroller->activate(credential->blob, credential->secret);
    ASSERT_TRUE(opened) << opened.error().what;
    EXPECT_TRUE(equal(opened->reveal(), value->reveal()));
  }
};

TEST_F(ActivationTest, WithAManufacturersCertificate) {
  start(true);
  auto request = opened_.enroller->request();
  ASSERT_TRUE(request) << request.error().what;
  EXPECT_EQ(request->ak_name, opened_.driver->identity().id);
  ASSERT_EQ(request->ek_certs.size(), 2u);  // RSA-2048 first, P-384 beside it
  auto ek = parse_public(request->ek_public);
  auto certificate = parse_certificate(request->ek_certs[0]);
  ASSERT_TRUE(ek && certificate);
  EXPECT_STREQ(ek->algorithm(), "rsa-2048");
  EXPECT_EQ(spki_der(X509_get0_pubkey(certificate->get())), *ek->spki_der());
  EXPECT_TRUE(check_endorsement_key(*ek));
  activates(*request);
}

TEST_F(ActivationTest, WithoutCertificatesByTheDefaultTemplate) {
  start(false);
  auto request = opened_.enroller->request();
  ASSERT_TRUE(request) << request.error().what;
  EXPECT_TRUE(request->ek_certs.empty());
  activates(*request);
}

TEST_F(ActivationTest, WithTheHighRangeKeyAlone) {
  start(true);
  opened_ = {};
  ASSERT_EQ(tool({"tpm2_nvundefine", "-C", "p", "0x01c00002"}), 0);
  for (bool stored : {true, false}) {
    open();
    auto request = opened_.enroller->request();
    ASSERT_TRUE(request) << request.error().what;
    EXPECT_STREQ(parse_public(request->ek_public)->algorithm(), "ec-p384");
    ASSERT_EQ(request->ek_certs.size(), 1u);
    activates(*request);
    opened_ = {};
    if (stored) {  // made anew from now on
      ASSERT_EQ(tool({"tpm2_evictcontrol", "-C", "o", "-c", "0x81010016"}), 0);
    }
  }
}

TEST_F(ActivationTest, WithALowRangeP256Certificate) {
  start(false);
  opened_ = {};
  const std::string pem = tpm_->dir() / "ek.pem", der = tpm_->dir() / "ek.der";
  ASSERT_EQ(tool({"tpm2_createek", "-G", "ecc", "-c", tpm_->dir() / "ek.ctx", "-u", pem, "-f", "pem"}), 0);
  OwnedBio bio(BIO_new_file(pem.c_str(), "r"));
  OwnedPkey ek(PEM_read_bio_PUBKEY(bio.get(), nullptr, nullptr, nullptr));
  auto issuer = make_sw_key("ec-p256");
  ASSERT_TRUE(ek && issuer);
  auto certificate = split_certificates(as_view(certificate_for(ek.get(), issuer->get())), "test");
  ASSERT_TRUE(certificate);
  std::ofstream(der) << as_text(certificate->front());
  ASSERT_EQ(tool({"tpm2_flushcontext", "-t"}), 0);
  ASSERT_EQ(
      tool({"tpm2_nvdefine", "0x01c0000a", "-C", "o", "-s", "1200", "-a", "ownerread|ownerwrite|no_da"}), 0);
  ASSERT_EQ(tool({"tpm2_nvwrite", "0x01c0000a", "-C", "o", "-i", der}), 0);
  open();
  auto request = opened_.enroller->request();
  ASSERT_TRUE(request) << request.error().what;
  EXPECT_STREQ(parse_public(request->ek_public)->algorithm(), "ec-p256");
  EXPECT_EQ(request->ek_certs, *certificate);
  activates(*request);
}

// A certificate in NV that is for another key than the template makes must not choose the key.
TEST_F(ActivationTest, PassesOverACertificateForAnotherKey) {
  start(false);
  opened_ = {};
  auto issuer = make_sw_key("ec-p256");
  ASSERT_TRUE(issuer);
  const std::string der = tpm_->dir() / "ek.der";
  auto certificate = split_certificates(as_view(certificate_for(issuer->get(), issuer->get())), "test");
  ASSERT_TRUE(certificate);
  std::ofstream(der) << as_text(certificate->front());
  ASSERT_EQ(
      tool({"tpm2_nvdefine", "0x01c0000a", "-C", "o", "-s", "1200", "-a", "ownerread|ownerwrite|no_da"}), 0);
  ASSERT_EQ(tool({"tpm2_nvwrite", "0x01c0000a", "-C", "o", "-i", der}), 0);
  open();
  auto request = opened_.enroller->request();
  ASSERT_TRUE(request) << request.error().what;
  EXPECT_STREQ(parse_public(request->ek_public)->algorithm(), "rsa-2048");
  activates(*request);
}

TEST_F(ActivationTest, WithAPersistentKeyOfAnotherKindInTheWay) {
  start(false);
  opened_ = {};
  ASSERT_EQ(tool({"tpm2_createprimary", "-C", "e", "-c", tpm_->dir() / "p.ctx"}), 0);
  ASSERT_EQ(tool({"tpm2_evictcontrol", "-C", "o", "-c", tpm_->dir() / "p.ctx", "0x81010001"}), 0);
  open();
  auto request = opened_.enroller->request();
  ASSERT_TRUE(request) << request.error().what;
  activates(*request);
}

TEST_F(ActivationTest, RefusesCredentialsForOthers) {
  start(false);
  auto request = opened_.enroller->request();
  ASSERT_TRUE(request);
  auto ek = parse_public(request->ek_public);
  ASSERT_TRUE(ek);
  Bytes other_name = request->ak_name;
  other_name.back() ^= 1;
  auto credential = make_credential(*ek, other_name, Secret::copy_of(Bytes(32, 1)));
  ASSERT_TRUE(credential);
  auto other_key = opened_.enroller->activate(credential->blob, credential->secret);
  ASSERT_FALSE(other_key);
  EXPECT_EQ(other_key.error().code, Errc::denied) << other_key.error().what;
  auto good = make_credential(*ek, request->ak_name, Secret::copy_of(Bytes(32, 1)));
  ASSERT_TRUE(good);
  Bytes tampered = good->blob;
  tampered.back() ^= 1;
  EXPECT_EQ(opened_.enroller->activate(tampered, good->secret).error().code, Errc::denied);
  Bytes longer = good->blob;
  longer.push_back(0);
  EXPECT_EQ(opened_.enroller->activate(longer, good->secret).error().code, Errc::malformed);
  EXPECT_EQ(opened_.enroller->activate(View(good->blob).first(10), good->secret).error().code,
            Errc::malformed);
  EXPECT_EQ(opened_.enroller->activate({}, {}).error().code, Errc::malformed);
  EXPECT_TRUE(opened_.enroller->activate(good->blob, good->secret));
}

TEST_F(ActivationTest, SurvivesAResetAndLeavesNothingBehind) {
  start(false);
  auto request = opened_.enroller->request();
  ASSERT_TRUE(request);
  ASSERT_TRUE(tpm_->reset());
  activates(*request);
  for (int i = 0; i < 5; i++) activates(*request);
  opened_ = {};
  auto context = TpmContext::open(config_.tcti);
  ASSERT_TRUE(context);
  EXPECT_TRUE((*context)->handles(TPM2_ACTIVE_SESSION_FIRST)->empty());
}

class ChainTest : public ActivationTest {
 protected:
  std::size_t chain_in_quote() {
    auto quote = opened_.driver->quote(sha256({}));
    return quote ? std::get<TpmAnchor>(*quote).ak_chain.size() : 99;
  }
};

TEST_F(ChainTest, IsStoredHandedOutAndReadAgain) {
  start(false);
  auto issuer = make_sw_key("ec-p256");
  ASSERT_TRUE(issuer);
  auto area = parse_public(opened_.enroller->request()->ak_public);
  ASSERT_TRUE(area);
  EXPECT_EQ(chain_in_quote(), 0u);
  auto foreign = opened_.enroller->store_chain(certificate_for(issuer->get(), issuer->get()));
  ASSERT_FALSE(foreign);
  EXPECT_EQ(foreign.error().code, Errc::mismatch);
  EXPECT_FALSE(opened_.enroller->store_chain("nonsense"));
  EXPECT_EQ(chain_in_quote(), 0u);
  std::string pem = certificate_for(area->key.get(), issuer->get());
  ASSERT_TRUE(opened_.enroller->store_chain(pem));
  EXPECT_EQ(chain_in_quote(), 1u);
  EXPECT_FALSE(opened_.enroller->store_chain(pem + pem + pem + pem + pem));
  open();
  EXPECT_EQ(chain_in_quote(), 1u);
  EXPECT_EQ(opened_.driver->notice(), "");
  std::ofstream(config_.ak_chain) << certificate_for(issuer->get(), issuer->get());
  open();
  EXPECT_EQ(chain_in_quote(), 0u) << "certificates of another key are nobody's";
  EXPECT_NE(opened_.driver->notice().find("ak.lost"), std::string::npos) << opened_.driver->notice();
  ASSERT_TRUE(opened_.enroller->store_chain(pem)) << "it can be enrolled again";
  EXPECT_EQ(opened_.driver->notice(), "");
  EXPECT_EQ(chain_in_quote(), 1u);
  std::ofstream(config_.ak_chain) << "nonsense";
  opened_ = {};
  EXPECT_FALSE(find_driver("tpm")->open({.tpm = config_, .sw = {}}));
}

TEST(CertificateSpanTest, CutsHeadersAndPadding) {
  const Bytes certificate = {0x30, 0x03, 1, 2, 3};
  auto is_found_in = [&](Bytes contents) {
    auto span = certificate_span(contents);
    return span && equal(*span, certificate);
  };
  EXPECT_TRUE(is_found_in(certificate));
  EXPECT_TRUE(is_found_in({0x30, 0x03, 1, 2, 3, 0xff, 0xff}));
  EXPECT_TRUE(is_found_in({0x10, 0x01, 0x00, 0x00, 0x07, 0x10, 0x02, 0x30, 0x03, 1, 2, 3, 0}));
  for (Bytes bad : {Bytes{}, Bytes{0x30}, Bytes{0x30, 0x03, 1, 2}, Bytes{0x30, 0x80, 1, 2}, Bytes(20),
                    Bytes{0x30, 0x82, 1}, Bytes{0x10, 0x01, 0, 0, 0, 0x10, 0x02}})
    EXPECT_FALSE(certificate_span(bad));
}

}  // namespace
}  // namespace attest
