// TLS 1.3 handshakes with keys of the daemon; the other side is a program that knows nothing of attest.
#include <gtest/gtest.h>
#include <openssl/err.h>
#include <openssl/provider.h>
#include <sys/wait.h>
#include <unistd.h>

#include "evidence/native/certificate_verify.h"
#include "test/support/key_program.h"

namespace attest::test {
namespace {

constexpr const char* kAlgorithms[] = {"P-256", "P-384", "RSA-2048", "RSA-3072"};

// PlainProgram has OpenSSL's default provider only.
struct PlainProgram {
  PlainProgram() : libctx(OSSL_LIB_CTX_new()), provider(OSSL_PROVIDER_load(libctx.get(), "default")) {}
  ~PlainProgram() { OSSL_PROVIDER_unload(provider); }
  OwnedSslCtx context() const { return OwnedSslCtx(SSL_CTX_new_ex(libctx.get(), nullptr, TLS_method())); }
  OwnedLibctx libctx;
  OSSL_PROVIDER* provider;
};

// One key, its certificate, a program with the module that uses both, and a peer that trusts the certificate.
struct Scene {
  explicit Scene(const char* algorithm, const KeyProgram::Options* options = nullptr)
      : real(keys.generate("web", algorithm)),
        cert(self_signed(real)),
        program(options != nullptr ? *options : KeyProgram::options_for(keys.daemon().socket())),
        ours(SSL_CTX_new_ex(program.libctx(), nullptr, TLS_method())),
        theirs(plain.context()) {
    ERR_clear_error();
    key = program.read_pem(reference_pem(keys, "web"));
    EXPECT_EQ(SSL_CTX_use_certificate(ours.get(), cert.get()), 1);
    EXPECT_EQ(SSL_CTX_use_PrivateKey(ours.get(), key.get()), 1) << errors_text();
    X509_STORE_add_cert(SSL_CTX_get_cert_store(theirs.get()), cert.get());
    SSL_CTX_set_verify(theirs.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    X509_STORE_set_flags(SSL_CTX_get_cert_store(theirs.get()), X509_V_FLAG_PARTIAL_CHAIN);
  }
  // serve: we are the server, the peer verifies us.
  bool serve() const {
    return handshake(OwnedSsl(SSL_new(theirs.get())).get(), OwnedSsl(SSL_new(ours.get())).get());
  }
  KeyDaemon keys;
  EVP_PKEY* real;
  OwnedX509 cert;
  KeyProgram program;
  PlainProgram plain;
  OwnedSslCtx ours;
  OwnedSslCtx theirs;
  OwnedPkey key;
};

class HandshakeTest : public testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Algorithms, HandshakeTest, testing::ValuesIn(kAlgorithms), [](const auto& row) {
  std::string name = row.param;
  std::erase(name, '-');
  return name;
});

std::uint16_t expected_scheme(std::string_view algorithm) {
  return algorithm == "P-256" ? 0x0403 : algorithm == "P-384" ? 0x0503 : 0x0804;
}

TEST_P(HandshakeTest, ServerProvesItself) {
  Scene scene(GetParam());
  OwnedSsl client(SSL_new(scene.theirs.get())), server(SSL_new(scene.ours.get()));
  ASSERT_TRUE(handshake(client.get(), server.get())) << errors_text();
  EXPECT_EQ(SSL_version(client.get()), TLS1_3_VERSION);
  EXPECT_EQ(SSL_get_verify_result(client.get()), X509_V_OK);
  EXPECT_EQ(errors_text(), "");
  auto calls = scene.keys.signed_calls();
  ASSERT_EQ(calls.size(), 1U);
  EXPECT_EQ(calls[0].key, "web");
  EXPECT_EQ(calls[0].scheme, expected_scheme(GetParam()));
  EXPECT_EQ(certificate_verify_signer(calls[0].content), Role::server);
}

TEST_P(HandshakeTest, ClientProvesItself) {
  Scene scene(GetParam());
  EVP_PKEY* server_key = scene.keys.generate("server", "P-256");
  OwnedX509 server_cert = self_signed(server_key);
  ASSERT_EQ(SSL_CTX_use_certificate(scene.theirs.get(), server_cert.get()), 1);
  ASSERT_EQ(SSL_CTX_use_PrivateKey(scene.theirs.get(), server_key), 1);
  OwnedSsl client(SSL_new(scene.ours.get())), server(SSL_new(scene.theirs.get()));
  ASSERT_TRUE(handshake(client.get(), server.get())) << errors_text();
  EXPECT_EQ(SSL_get_verify_result(server.get()), X509_V_OK);
  auto calls = scene.keys.signed_calls();
  ASSERT_EQ(calls.size(), 1U);
  EXPECT_EQ(calls[0].scheme, expected_scheme(GetParam()));
  EXPECT_EQ(certificate_verify_signer(calls[0].content), Role::client);
}

TEST(Handshake, RsaFollowsThePeersHash) {
  Scene scene("RSA-2048");
  for (auto [list, scheme] : {std::pair{"rsa_pss_rsae_sha384", 0x0805}, {"rsa_pss_rsae_sha512", 0x0806}}) {
    OwnedSsl client(SSL_new(scene.theirs.get())), server(SSL_new(scene.ours.get()));
    ASSERT_EQ(SSL_set1_sigalgs_list(client.get(), list), 1);
    ASSERT_TRUE(handshake(client.get(), server.get())) << list << errors_text();
    EXPECT_EQ(scene.keys.signed_calls().back().scheme, scheme);
  }
}

TEST(Handshake, Tls12CannotUseTheKey) {
  for (const char* algorithm : {"P-256", "RSA-2048"}) {
    Scene scene(algorithm);
    SSL_CTX_set_max_proto_version(scene.theirs.get(), TLS1_2_VERSION);
    EXPECT_FALSE(scene.serve());
    std::string errors = errors_text();
    EXPECT_NE(errors.find("attest::key.content: attest keys sign TLS 1.3 handshakes only"), std::string::npos)
        << errors;
    EXPECT_TRUE(scene.keys.signed_calls().empty());
  }
}

// A mandatory property never lets OpenSSL come to our signature. libssl only tries, drops every reason, and
// says "no suitable signature algorithm": docs name the cause.
TEST(Handshake, AMandatoryPropertyKeepsUsFromSigning) {
  Scene scene("P-256");
  scene.ours.reset(SSL_CTX_new_ex(scene.program.libctx(), "provider=default", TLS_method()));
  ASSERT_EQ(SSL_CTX_use_certificate(scene.ours.get(), scene.cert.get()), 1);
  ASSERT_EQ(SSL_CTX_use_PrivateKey(scene.ours.get(), scene.key.get()), 1);
  EXPECT_FALSE(scene.serve());
  EXPECT_NE(errors_text().find("no suitable signature algorithm"), std::string::npos);
  EXPECT_TRUE(scene.keys.signed_calls().empty());
}

TEST(Handshake, ADaemonOfAnotherUidIsNotAsked) {
  KeyDaemon elsewhere;
  KeyProgram::Options options = KeyProgram::options_for(elsewhere.daemon().socket());
  options.client.daemon_uid = ::getuid() + 1;
  Scene scene("P-256", &options);
  EXPECT_FALSE(scene.serve());
  std::string errors = errors_text();
  EXPECT_NE(errors.find("attest::daemon.wrong-owner: "), std::string::npos) << errors;
  EXPECT_NE(errors.find("expected uid " + std::to_string(::getuid() + 1)), std::string::npos) << errors;
  EXPECT_EQ(elsewhere.key_calls(), 0);
}

TEST(Handshake, ADeadDaemonIsACleanErrorAndItsReturnIsNoticed) {
  Scene scene("P-256");
  EXPECT_TRUE(scene.serve());
  scene.keys.daemon().stop();
  EXPECT_FALSE(scene.serve());
  std::string errors = errors_text();
  EXPECT_TRUE(errors.starts_with("attest::daemon.unreachable: ")) << errors;
  EXPECT_NE(errors.find(scene.keys.daemon().socket()), std::string::npos) << errors;
  scene.keys.daemon().start();
  EXPECT_TRUE(scene.serve()) << errors_text();
}

TEST(Handshake, AChildSignsOverItsOwnConnection) {
  Scene scene("P-256");
  ASSERT_TRUE(scene.serve());
  int before = scene.keys.daemon().accepted();
  pid_t pid = ::fork();
  if (pid == 0) ::_exit(scene.serve() && scene.serve() ? 0 : 1);
  int status = -1;
  ::waitpid(pid, &status, 0);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  EXPECT_EQ(scene.keys.daemon().accepted(), before + 1);
  EXPECT_TRUE(scene.serve()) << errors_text();
  EXPECT_EQ(scene.keys.daemon().accepted(), before + 1);
  EXPECT_EQ(scene.keys.signed_calls().size(), 4U);
}

TEST(Handshake, ThreadsShareOneKey) {
  Scene scene("P-256");
  std::atomic<int> good{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; i++)
    threads.emplace_back([&] {
      for (int j = 0; j < 25; j++) good += scene.serve() ? 1 : 0;
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(good, 100);
  EXPECT_EQ(scene.keys.signed_calls().size(), 100U);
  EXPECT_LE(scene.keys.daemon().accepted(), 4);
}

TEST(Handshake, ASignatureTooLongForTheKeyIsRefused) {
  KeyDaemon keys;
  EVP_PKEY* real = keys.generate("web", "P-256");
  FrameServer liar([&](FrameType type, View) -> Result<Bytes> {
    if (type == FrameType::key) return encode_key_answer({keys.spki_der("web"), false});
    return encode_sign_answer({Bytes(1000, 0x30)});
  });
  KeyProgram program(liar.socket());
  OwnedX509 cert = self_signed(real);
  OwnedPkey key = program.read_uri("attest:web");
  ASSERT_TRUE(key);
  OwnedSslCtx ours(SSL_CTX_new_ex(program.libctx(), nullptr, TLS_method()));
  ASSERT_EQ(SSL_CTX_use_certificate(ours.get(), cert.get()), 1);
  ASSERT_EQ(SSL_CTX_use_PrivateKey(ours.get(), key.get()), 1);
  PlainProgram plain;
  OwnedSslCtx theirs = plain.context();
  EXPECT_FALSE(handshake(OwnedSsl(SSL_new(theirs.get())).get(), OwnedSsl(SSL_new(ours.get())).get()));
  std::string errors = errors_text();
  EXPECT_NE(errors.find("attest::daemon.answer: "), std::string::npos) << errors;
}

}  // namespace
}  // namespace attest::test
