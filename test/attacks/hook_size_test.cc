// Evidence and its carriers at their bounds, and servers that write our extension without being us.
#include <gtest/gtest.h>
#include <openssl/pem.h>

#include "evidence/native/message.h"
#include "test/support/tls_peers.h"

namespace attest::test {
namespace {

Talk sized(std::size_t size, const std::string& cert) {
  PeerScript script;
  script.evidence_size = size;
  Stage stage(script);
  Peer server = server_with(stage.conf(kAttestOnly));
  server.cert = cert;
  server.set_ctx = [&stage, cert](SSL_CTX* ctx) {
    SSL_CTX_set_mode(ctx, SSL_MODE_NO_AUTO_CHAIN);
    if (cert == "server-chain")
      SSL_CTX_use_PrivateKey_file(ctx, stage.file("server.key").c_str(), SSL_FILETYPE_PEM);
  };
  return talk(stage, server, client_with(stage.conf(kRequire)));
}

TEST(Size, OneEntryCarries65531Bytes) {
  Talk t = sized(65531, "server");
  EXPECT_TRUE(t.both()) << show(t);
}

TEST(Size, OneByteMoreIsRefusedWithItsSizeAndTheRemedy) {
  Talk t = sized(65532, "server");
  EXPECT_TRUE(t.neither()) << show(t);
  EXPECT_TRUE(
      has(t.server["errors"], "evidence.too-large: 65532 bytes, the chain of 1 certificates carries 65531"))
      << show(t);
  EXPECT_TRUE(has(t.server["errors"], "attestctl metadata import"));
  EXPECT_EQ(t.server["alert_out"], "40");
}

TEST(Size, AChainOfTwoCarriesTwice) {
  EXPECT_TRUE(sized(131062, "server-chain").both());
  EXPECT_TRUE(sized(131063, "server-chain").neither());
}

TEST(Size, StapledAnswerSharesTheFirstEntry) {
  PeerScript script;
  script.evidence_size = 65531 + 1000;
  Stage stage(script);
  Peer server = server_with(stage.conf(kAttestOnly));
  server.cert = "server-chain";
  server.set_ctx = [](SSL_CTX* ctx) {
    SSL_CTX_set_mode(ctx, SSL_MODE_NO_AUTO_CHAIN);
    SSL_CTX_set_tlsext_status_cb(
        ctx, +[](SSL* ssl, void*) {
          SSL_set_tlsext_status_ocsp_resp(ssl, OPENSSL_zalloc(2000), 2000);
          return SSL_TLSEXT_ERR_OK;
        });
  };
  Peer client = client_with(stage.conf(kRequire));
  client.set_ssl = [](SSL* ssl) { SSL_set_tlsext_status_type(ssl, TLSEXT_STATUSTYPE_ocsp); };
  Talk t = talk(stage, server, client);
  EXPECT_TRUE(t.both()) << show(t);
}

// Forger is a server without the module that writes our extension into its messages.
struct Forger {
  Bytes reply = {kReply.begin(), kReply.end()};
  Bytes evidence;  // into every entry of the chain
};

int write_as_server(SSL*, unsigned, unsigned context, const unsigned char** out, std::size_t* size, X509*,
                    std::size_t, int*, void* arg) {
  auto* forger = static_cast<Forger*>(arg);
  const Bytes* body = context & SSL_EXT_TLS1_3_ENCRYPTED_EXTENSIONS ? &forger->reply
                      : context & SSL_EXT_TLS1_3_CERTIFICATE        ? &forger->evidence
                                                                    : nullptr;
  if (body == nullptr || body->empty()) return 0;
  *out = body->data();
  *size = body->size();
  return 1;
}

int read_nothing(SSL*, unsigned, unsigned, const unsigned char*, std::size_t, X509*, std::size_t, int*,
                 void*) {
  return 1;
}

Talk forged(Forger forger, unsigned entries, const Stage& stage) {
  Peer server = server_with(kPlain);
  server.set_ctx = [&](SSL_CTX* ctx) {
    SSL_CTX_set_mode(ctx, SSL_MODE_NO_AUTO_CHAIN);
    SSL_CTX_add_custom_ext(ctx, kTlsExtension,
                           SSL_EXT_CLIENT_HELLO | SSL_EXT_TLS1_3_ENCRYPTED_EXTENSIONS |
                               SSL_EXT_TLS1_3_CERTIFICATE | SSL_EXT_TLS1_3_ONLY,
                           write_as_server, nullptr, &forger, read_nothing, nullptr);
    for (unsigned i = 1; i < entries; i++) {
      OwnedBio in(BIO_new_file(stage.file("ca.pem").c_str(), "r"));
      SSL_CTX_add0_chain_cert(ctx, PEM_read_bio_X509(in.get(), nullptr, nullptr, nullptr));
    }
  };
  return talk(stage, server, client_with(stage.conf(kRequire)));
}

TEST(Forged, MoreThanAMebibyteOfEvidenceIsRefusedUnread) {
  Stage stage;
  Talk t = forged({{kReply.begin(), kReply.end()}, Bytes(65531, 'E')}, 17, stage);
  EXPECT_TRUE(t.neither());
  EXPECT_TRUE(has(t.client["errors"], "peer.too-much") || has(t.client["errors"], "excessive message size"))
      << show(t);
  EXPECT_FALSE(has(stage.calls(), "judge"));
}

TEST(Forged, EvidenceWithoutAReplyIsRefused) {
  Stage stage;
  Talk t = forged({{}, Bytes(100, 'E')}, 1, stage);
  EXPECT_TRUE(t.neither()) << show(t);
  EXPECT_TRUE(has(t.client["errors"], "binder.bad-inputs")) << show(t);
}

TEST(Forged, UnknownReplyIsRefused) {
  for (Bytes reply : {Bytes{1, 1}, Bytes{2, 0}, Bytes{1, 0, 0}, Bytes{1}}) {
    Stage stage;
    Talk t = forged({reply, Bytes(100, 'E')}, 1, stage);
    EXPECT_TRUE(t.neither()) << show(t);
    EXPECT_TRUE(has(t.client["errors"], "peer.bad-reply")) << show(t);
  }
}

TEST(Forged, ReplyWithoutEvidenceIsRefused) {
  Stage stage;
  Talk t = forged({}, 1, stage);
  EXPECT_TRUE(t.neither()) << show(t);
  EXPECT_TRUE(has(t.client["errors"], "peer.silent")) << show(t);
}

TEST(Size, ChainLimitIsRaisedOnlyWhereEvidenceIsAskedFor) {
  auto limit = [](const std::string& conf) {
    return in_forked(conf, [](Report& r) {
      OwnedCtx ctx(SSL_CTX_new(TLS_client_method()));
      r["limit"] = std::to_string(SSL_CTX_get_max_cert_list(ctx.get()));
    })["limit"];
  };
  Stage stage({}, false);
  EXPECT_EQ(limit(stage.conf(kAttestOnly)), limit(kPlain));
  EXPECT_NE(limit(stage.conf(kRequire)), limit(kPlain));
}

// Every group and suite of both libraries: what one end sees of a handshake the other sees too.
TEST(Inputs, AreTheSameOnBothEndsForEveryGroupAndSuite) {
  for (const char* group : {"X25519", "X448", "P-256", "P-384", "P-521", "ffdhe2048", "ffdhe3072"})
    for (const char* suite :
         {"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"}) {
      Stage stage;
      Peer server = server_with(stage.conf(kMutual)), client = client_with(stage.conf(kRequire));
      client.cert = "client";
      client.set_ctx = [group, suite](SSL_CTX* ctx) {
        SSL_CTX_set1_groups_list(ctx, group);
        SSL_CTX_set_ciphersuites(ctx, suite);
      };
      Talk t = talk(stage, server, client);
      EXPECT_TRUE(t.both()) << group << " " << suite << show(t);
    }
}

}  // namespace
}  // namespace attest::test
