// The keys as programs see them: read, compared, exported, refused.
#include <gtest/gtest.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "test/support/key_program.h"

namespace attest::test {
namespace {

constexpr const char* kAlgorithms[] = {"P-256", "P-384", "RSA-2048", "RSA-3072"};

struct KeysTest : testing::TestWithParam<const char*> {
  KeysTest() { ERR_clear_error(); }
  KeyDaemon keys;
  EVP_PKEY* real = keys.generate("web", GetParam());
  KeyProgram program{keys.daemon().socket()};
};
INSTANTIATE_TEST_SUITE_P(Algorithms, KeysTest, testing::ValuesIn(kAlgorithms), [](const auto& row) {
  std::string name = row.param;
  std::erase(name, '-');
  return name;
});

TEST_P(KeysTest, APemReferenceIsAKeyOfOursAndNeedsNoDaemon) {
  keys.daemon().stop();
  OwnedPkey key = program.read_pem(reference_pem(keys, "web"));
  ASSERT_TRUE(key) << errors_text();
  EXPECT_EQ(provider_of(key.get()), "attest");
  EXPECT_EQ(EVP_PKEY_get_base_id(key.get()), EVP_PKEY_get_base_id(real));
  EXPECT_EQ(EVP_PKEY_get_bits(key.get()), EVP_PKEY_get_bits(real));
  EXPECT_EQ(EVP_PKEY_get_size(key.get()), EVP_PKEY_get_size(real));
  EXPECT_EQ(EVP_PKEY_get_security_bits(key.get()), EVP_PKEY_get_security_bits(real));
  EXPECT_EQ(ERR_peek_error(), 0U) << errors_text();
}

TEST_P(KeysTest, AUriIsAskedOfTheDaemon) {
  OwnedPkey key = program.read_uri("attest:web");
  ASSERT_TRUE(key) << errors_text();
  EXPECT_EQ(provider_of(key.get()), "attest");
  EXPECT_EQ(keys.key_calls(), 1);
  OwnedPkey file = program.read_pem(reference_pem(keys, "web"));
  EXPECT_EQ(EVP_PKEY_eq(key.get(), file.get()), 1);
}

TEST_P(KeysTest, EqualsItsCertificatesKeyAndNoOther) {
  OwnedPkey key = program.read_pem(reference_pem(keys, "web"));
  OwnedX509 cert = self_signed(real);
  EXPECT_EQ(EVP_PKEY_eq(key.get(), X509_get0_pubkey(cert.get())), 1) << errors_text();
  EXPECT_EQ(EVP_PKEY_eq(X509_get0_pubkey(cert.get()), key.get()), 1) << errors_text();
  EXPECT_EQ(X509_check_private_key(cert.get(), key.get()), 1) << errors_text();
  EXPECT_EQ(errors_text(), "");  // nginx logs whatever is left as a stale error
  OwnedX509 other = self_signed(keys.generate("other", GetParam()));
  EXPECT_NE(EVP_PKEY_eq(key.get(), X509_get0_pubkey(other.get())), 1);
  EXPECT_NE(EVP_PKEY_eq(X509_get0_pubkey(other.get()), key.get()), 1);
  EXPECT_NE(X509_check_private_key(other.get(), key.get()), 1);
  OwnedPkey reference = program.read_pem(reference_pem(keys, "other"));
  EXPECT_NE(EVP_PKEY_eq(key.get(), reference.get()), 1);
  EXPECT_EQ(errors_text().find("malloc"), std::string::npos);
}

TEST_P(KeysTest, CheckPrivateKeyDetectsAMismatch) {
  OwnedPkey key = program.read_pem(reference_pem(keys, "web"));
  OwnedX509 cert = self_signed(real);
  OwnedX509 other = self_signed(keys.generate("other", GetParam()));
  OwnedSslCtx ctx(SSL_CTX_new_ex(program.libctx(), nullptr, TLS_method()));
  ASSERT_EQ(SSL_CTX_use_certificate(ctx.get(), cert.get()), 1);
  ASSERT_EQ(SSL_CTX_use_PrivateKey(ctx.get(), key.get()), 1) << errors_text();
  EXPECT_EQ(SSL_CTX_check_private_key(ctx.get()), 1) << errors_text();
  EXPECT_EQ(errors_text(), "");
  OwnedSslCtx wrong(SSL_CTX_new_ex(program.libctx(), nullptr, TLS_method()));
  ASSERT_EQ(SSL_CTX_use_certificate(wrong.get(), other.get()), 1);
  EXPECT_NE(SSL_CTX_use_PrivateKey(wrong.get(), key.get()), 1);
  EXPECT_NE(errors_text().find("key values mismatch"), std::string::npos);
}

TEST_P(KeysTest, ThePublicHalfLeavesAndThePrivateHalfDoesNot) {
  OwnedPkey key = program.read_pem(reference_pem(keys, "web"));
  EXPECT_EQ(spki_of(key.get()), spki_of(real)) << errors_text();
  OSSL_PARAM* params = nullptr;
  EXPECT_EQ(EVP_PKEY_todata(key.get(), EVP_PKEY_KEYPAIR, &params), 0);
  std::string errors = errors_text();
  EXPECT_NE(errors.find("attest::key.private: "), std::string::npos) << errors;
  EXPECT_EQ(EVP_PKEY_todata(key.get(), EVP_PKEY_PUBLIC_KEY, &params), 1);
  OSSL_PARAM_free(params);
  OwnedBio out(BIO_new(BIO_s_mem()));
  EXPECT_NE(PEM_write_bio_PrivateKey(out.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr), 1);
  EXPECT_EQ(BIO_ctrl_pending(out.get()), 0U);
}

TEST_P(KeysTest, ACopyIsTheSameKey) {
  OwnedPkey key = program.read_pem(reference_pem(keys, "web"));
  OwnedPkey copy(EVP_PKEY_dup(key.get()));
  ASSERT_TRUE(copy);
  key.reset();
  EXPECT_EQ(provider_of(copy.get()), "attest");
  OwnedX509 cert = self_signed(real);
  EXPECT_EQ(X509_check_private_key(cert.get(), copy.get()), 1);
}

// refused: the call fails and the first reason on the queue begins so.
void refused(bool worked, std::string_view reason) {
  std::string errors = errors_text();
  EXPECT_FALSE(worked);
  EXPECT_TRUE(errors.starts_with("attest::" + std::string(reason))) << errors;
}

TEST_P(KeysTest, AReadyDigestIsRefusedWithTheRemedy) {
  OwnedPkey key = program.read_pem(reference_pem(keys, "web"));
  OwnedPkeyCtx ctx(EVP_PKEY_CTX_new_from_pkey(program.libctx(), key.get(), nullptr));
  ASSERT_EQ(EVP_PKEY_sign_init(ctx.get()), 1) << errors_text();
  Bytes out(512);
  std::size_t size = out.size();
  Bytes digest(32, 7);
  refused(EVP_PKEY_sign(ctx.get(), out.data(), &size, digest.data(), digest.size()) == 1,
          "key.digest: attest keys sign TLS 1.3 handshakes only");
  EXPECT_TRUE(keys.signed_calls().empty());
}

// digest_sign signs data in pieces of `step` bytes, or in one shot if step is 0.
bool digest_sign(const KeyProgram& program, EVP_PKEY* key, View data, std::size_t step,
                 const char* md = "SHA256", int padding = RSA_PKCS1_PSS_PADDING,
                 int salt = RSA_PSS_SALTLEN_DIGEST) {
  OwnedMdCtx ctx(EVP_MD_CTX_new());
  EVP_PKEY_CTX* settings = nullptr;
  Bytes out(512);
  std::size_t size = out.size();
  if (EVP_DigestSignInit_ex(ctx.get(), &settings, md, program.libctx(), nullptr, key, nullptr) != 1)
    return false;
  if (EVP_PKEY_is_a(key, "RSA") &&
      (EVP_PKEY_CTX_set_rsa_padding(settings, padding) != 1 ||
       (padding == RSA_PKCS1_PSS_PADDING && EVP_PKEY_CTX_set_rsa_pss_saltlen(settings, salt) != 1)))
    return false;
  if (step == 0) return EVP_DigestSign(ctx.get(), out.data(), &size, data.data(), data.size()) == 1;
  for (; !data.empty(); data = data.subspan(std::min(step, data.size())))
    if (EVP_DigestSignUpdate(ctx.get(), data.data(), std::min(step, data.size())) != 1) return false;
  return EVP_DigestSignFinal(ctx.get(), out.data(), &size) == 1;
}

Bytes content(std::string_view context = "TLS 1.3, server CertificateVerify") {
  Writer out;
  out.put(Bytes(64, 0x20));
  out.put(as_view(context));
  out.u8(0);
  out.put(Bytes(32, 0xab));
  return *std::move(out).finish("content");
}

TEST_P(KeysTest, TheDaemonGetsTheWholeContentInPiecesOrAtOnce) {
  OwnedPkey key = program.read_pem(reference_pem(keys, "web"));
  const char* md = std::string_view(GetParam()) == "P-384" ? "SHA384" : "SHA256";
  EXPECT_TRUE(digest_sign(program, key.get(), content(), 0, md)) << errors_text();
  EXPECT_TRUE(digest_sign(program, key.get(), content(), 7, md)) << errors_text();
  auto calls = keys.signed_calls();
  ASSERT_EQ(calls.size(), 2U);
  EXPECT_EQ(calls[0].content, content());
  EXPECT_EQ(calls[1].content, content());
  EXPECT_EQ(calls[0].spki_sha256, to_bytes(sha256(keys.spki_der("web")).view()));  // the key meant, not a name alone
}

TEST_P(KeysTest, AnythingElseIsRefusedBeforeItLeaves) {
  OwnedPkey key = program.read_pem(reference_pem(keys, "web"));
  const char* md = std::string_view(GetParam()) == "P-384" ? "SHA384" : "SHA256";
  Bytes longer = content();
  longer.push_back(0);
  for (const Bytes& bytes :
       {Bytes{}, Bytes(32, 1), content("TLS 1.3, other  CertificateVerify"), longer, Bytes(5000, 0x20)}) {
    refused(digest_sign(program, key.get(), bytes, 0, md),
            "key.content: attest keys sign TLS 1.3 handshakes only");
    refused(digest_sign(program, key.get(), bytes, 999, md), "key.content: ");
  }
  EXPECT_TRUE(keys.signed_calls().empty());
  EXPECT_EQ(keys.key_calls(), 0);
}

TEST_P(KeysTest, CertificatesAndRequestsAreRefused) {
  OwnedPkey key = program.read_pem(reference_pem(keys, "web"));
  OwnedX509 cert = self_signed(real);
  refused(X509_sign(cert.get(), key.get(), nullptr) > 0,
          "key.content: attest keys sign TLS 1.3 handshakes only");
}

TEST_P(KeysTest, SchemesThatAreNotOfTls13AreRefused) {
  OwnedPkey key = program.read_pem(reference_pem(keys, "web"));
  if (!EVP_PKEY_is_a(key.get(), "RSA")) {
    const char* md = std::string_view(GetParam()) == "P-384" ? "SHA256" : "SHA384";
    refused(digest_sign(program, key.get(), content(), 0, md), "key.scheme: ");
    return;
  }
  refused(digest_sign(program, key.get(), content(), 0, "SHA1"), "key.scheme: ");
  refused(digest_sign(program, key.get(), content(), 0, "SHA256", RSA_PKCS1_PADDING), "key.scheme: ");
  refused(digest_sign(program, key.get(), content(), 0, "SHA256", RSA_PKCS1_PSS_PADDING, 20), "key.scheme: ");
  refused(digest_sign(program, key.get(), content(), 0, "SHA256", RSA_PKCS1_PSS_PADDING, RSA_PSS_SALTLEN_MAX),
          "key.scheme: ");
  EXPECT_TRUE(digest_sign(program, key.get(), content(), 0, "SHA256", RSA_PKCS1_PSS_PADDING, 32))
      << errors_text();
  EXPECT_EQ(keys.signed_calls().size(), 1U);
}

TEST_P(KeysTest, AKeyTheDaemonReplacedIsNamed) {
  OwnedPkey key = program.read_pem(reference_pem(keys, "web"));
  keys.generate("web", GetParam());
  const char* md = std::string_view(GetParam()) == "P-384" ? "SHA384" : "SHA256";
  refused(digest_sign(program, key.get(), content(), 0, md), "key.changed: ");
}

TEST_P(KeysTest, ADeadDaemonIsNamedWithItsSocketAndTheRemedy) {
  OwnedPkey key = program.read_pem(reference_pem(keys, "web"));
  keys.daemon().stop();
  const char* md = std::string_view(GetParam()) == "P-384" ? "SHA384" : "SHA256";
  EXPECT_FALSE(digest_sign(program, key.get(), content(), 0, md));
  std::string errors = errors_text();
  EXPECT_TRUE(errors.starts_with("attest::daemon.unreachable: ")) << errors;
  EXPECT_NE(errors.find(keys.daemon().socket()), std::string::npos) << errors;
  EXPECT_NE(errors.find("systemctl"), std::string::npos) << errors;
}

}  // namespace
}  // namespace attest::test
