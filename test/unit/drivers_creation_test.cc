// How the next attestation key was made, a request signed by it, and CMC's recorded credential on the TPM it was made for.
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "drivers/tpm/sign.h"
#include "evidence/cmc/est_challenge.h"
#include "evidence/core/crypto.h"
#include "evidence/core/file.h"
#include "evidence/core/hex.h"
#include "evidence/tpm/signature.h"
#include "evidence/x509/certificate.h"
#include "test/support/recording.h"
#include "test/support/tpm_driver.h"

namespace attest {
namespace {

using namespace attest::test;

const std::string kRecorded = std::string(ATTEST_TESTDATA) + "/cmc/est/";

class KeyCreation : public TpmDriverTest {
 protected:
  std::filesystem::path state(const std::string& file) const { return config_.state_dir / file; }
  // states: the proof says what its key says of itself.
  static void states(const CreationProof& proof) {
    PublicArea ak = must(parse_public(proof.key.ak_public));
    auto statement = verify_attest(proof.statement, proof.signature, ak);
    ASSERT_TRUE(statement) << statement.error().what;
    const auto* made = std::get_if<CreationInfo>(&(*statement)->info);
    ASSERT_NE(made, nullptr);
    EXPECT_EQ(made->object_name, ak.name());
    EXPECT_TRUE(equal(made->creation_hash, sha256(proof.data).view()));
    EXPECT_TRUE((*statement)->extra_data.empty());
  }
};

class CreationOf : public KeyCreation, public testing::WithParamInterface<const char*> {};

TEST_P(CreationOf, IsStatedAndTheKeySignsItsRequest) {
  start();
  config_.ak_algorithm = GetParam();
  open();
  Bytes present = opened_.driver->identity().id;
  auto proof = opened_.enroller->prove_creation();
  ASSERT_TRUE(proof) << proof.error().what;
  EXPECT_EQ(proof->manufacturer, "IBM") << "libtpms says so";
  EXPECT_GT(proof->firmware_major, 0);
  EXPECT_NE(proof->key.ak_name, present);
  states(*proof);
  PublicArea ak = must(parse_public(proof->key.ak_public));
  const Bytes content(300, 0x30);
  auto signature = opened_.enroller->sign_request(content);
  ASSERT_TRUE(signature) << signature.error().what;
  OwnedMdCtx context(EVP_MD_CTX_new());
  const char* hash = ak.scheme.hash == 0x000c ? "sha384" : "sha256";
  ASSERT_EQ(EVP_DigestVerifyInit_ex(context.get(), nullptr, hash, private_libctx(), nullptr, ak.key.get(), nullptr), 1);
  EXPECT_EQ(EVP_DigestVerify(context.get(), signature->data(), signature->size(), content.data(), content.size()), 1);
  EXPECT_EQ(opened_.driver->identity().id, present) << "it quotes until the new one is certified";
  open();
  auto again = opened_.enroller->prove_creation();
  ASSERT_TRUE(again) << again.error().what;
  EXPECT_EQ(again->key.ak_name, proof->key.ak_name) << "the key that waits outlives the daemon, and so does its ticket";
  states(*again);
}
INSTANTIATE_TEST_SUITE_P(Algorithms, CreationOf, testing::Values("ec-p256", "ec-p384", "rsa-2048"), [](const auto& one) {
  std::string name = one.param;
  std::ranges::replace(name, '-', '_');
  return name;
});

// A request that begins as the TPM's own statements do would be a forged quote.
TEST_F(KeyCreation, NoStatementIsSignedAsARequest) {
  start();
  open();
  EXPECT_EQ(opened_.enroller->sign_request(Bytes(10)).error().code, Errc::mismatch) << "no key waits";
  ASSERT_TRUE(opened_.enroller->prove_creation());
  auto quote = opened_.driver->quote(sha256(as_view("nonce")));
  ASSERT_TRUE(quote) << quote.error().what;
  EXPECT_FALSE(opened_.enroller->sign_request(std::get<TpmAnchor>(*quote).attest));
  EXPECT_FALSE(opened_.enroller->sign_request(Bytes{0xff, 0x54, 0x43, 0x47}));
  EXPECT_EQ(opened_.enroller->sign_request(Bytes(1025)).error().code, Errc::malformed);
  EXPECT_TRUE(opened_.enroller->sign_request(Bytes(1024)));
}

TEST_F(KeyCreation, AKeyWhoseMakingWasNotKeptIsMadeAnew) {
  start();
  config_.ak_chain = state("ak.pem");
  open();
  Bytes first = must(opened_.enroller->request(true)).ak_name;
  EXPECT_EQ(must(opened_.enroller->prove_creation()).key.ak_name, first) << "the key of another request will do";
  ASSERT_TRUE(std::filesystem::remove(state("ak-81010100.next.creation")));
  auto proof = opened_.enroller->prove_creation();
  ASSERT_TRUE(proof) << proof.error().what;
  EXPECT_NE(proof->key.ak_name, first);
  states(*proof);
  Bytes kept = must(attest::read_file(state("ak-81010100.next.creation"), 1 << 16));
  std::ofstream(state("ak-81010100.next.creation"), std::ios::binary) << as_text(flipped(kept, kept.size() - 1));
  auto anew = opened_.enroller->prove_creation();
  ASSERT_TRUE(anew) << anew.error().what;
  EXPECT_NE(anew->key.ak_name, proof->key.ak_name) << "the TPM does not believe the ticket, as after a clear";
  states(*anew);
  std::ofstream(state("ak-81010100.next.creation")) << "x";
  EXPECT_EQ(opened_.enroller->prove_creation().error().code, Errc::malformed);
}

void write_bytes(const std::string& path, std::initializer_list<View> parts) {
  std::ofstream out(path, std::ios::binary);
  for (View part : parts) out << as_text(part);
}

Bytes sized16(const Bytes& bytes) {
  Writer out;
  out.lv16(bytes);
  return must(std::move(out).finish("test"));
}

// The recorded key is put under a handle as a platform's: it has no authorisation value.
TEST_F(KeyCreation, TheRecordedTpmOpensTheRecordedCredential) {
  if (!std::filesystem::exists(kRecorded)) GTEST_SKIP() << "../shared/testdata/cmc is not there";
  start({.ek_certs = false, .state = kRecorded + "tpm-state"});
  auto key = nlohmann::json::parse(as_text(must(attest::read_file(kRecorded + "tpm_ak_encrypted.json", 1 << 16))));
  auto member = [&key](const char* name) { return must(from_base64(key[name].get<std::string>(), 4096)); };
  const std::string pub = tpm_->dir() / "ak.pub", priv = tpm_->dir() / "ak.priv", loaded = tpm_->dir() / "ak.ctx";
  write_bytes(pub, {sized16(member("Public"))});
  write_bytes(priv, {sized16(member("KeyBlob"))});
  ASSERT_EQ(tool({"tpm2_load", "-C", "0x81000001", "-u", pub, "-r", priv, "-c", loaded}), 0);
  ASSERT_EQ(tool({"tpm2_evictcontrol", "-C", "o", "-c", loaded, "0x81010100"}), 0);
  config_.platform_ak = true;
  config_.ak_chain = tpm_->dir() / "ak.pem";
  open();
  EXPECT_EQ(opened_.enroller->prove_creation().error().code, Errc::denied) << "no other key follows the platform's";
  Bytes answer = to_bytes(as_view("HTTP/1.1 " + std::string(as_text(must(attest::read_file(
                              kRecorded + "03-.well-known_est_tpmactivateenroll.response", 1 << 20))))));
  EstChallenge challenge = must(parse_est_challenge(answer));
  auto secret = opened_.enroller->activate(challenge.credential, challenge.secret);
  ASSERT_TRUE(secret) << secret.error().what;
  auto certificate = open_est_certificate(challenge.certificate, *secret);
  ASSERT_TRUE(certificate) << certificate.error().what;
  EXPECT_EQ(*certificate, must(read_certificates(kRecorded + "tpm_ak_chain.pem")).front());
  auto stored = opened_.enroller->store_chain(certificates_to_pem({*certificate}));
  EXPECT_TRUE(stored) << stored.error().what;
}

}  // namespace
}  // namespace attest
