// Ways round the hook that lie in the handshake itself: what is dropped, changed, resumed, reused or
// downgraded.
#include <gtest/gtest.h>
#include <openssl/err.h>

#include "evidence/native/binder.h"
#include "test/support/tls_peers.h"

namespace attest::test {
namespace {

// Hello is a client without the module that writes our extension itself, once a ClientHello.
struct Hello {
  std::vector<std::optional<Bytes>> bodies;  // of the first, the second ClientHello
  std::size_t sent = 0;
};

Bytes request_body(std::uint8_t flags) {
  Bytes body = {RequestHeader::kVersion, flags};
  body.resize(34, 7);
  body.push_back(0xa0);
  return body;
}

int write_hello(SSL*, unsigned, unsigned context, const unsigned char** out, std::size_t* size, X509*,
                std::size_t, int*, void* arg) {
  if ((context & SSL_EXT_CLIENT_HELLO) == 0) return 0;
  auto* hello = static_cast<Hello*>(arg);
  std::size_t at = std::min(hello->sent++, hello->bodies.size() - 1);
  if (!hello->bodies[at]) return 0;
  *out = hello->bodies[at]->data();
  *size = hello->bodies[at]->size();
  return 1;
}

// forge_hello keeps `hello` alive in the caller.
void forge_hello(SSL_CTX* ctx, Hello* hello) {
  SSL_CTX_add_custom_ext(ctx, kTlsExtension,
                         SSL_EXT_CLIENT_HELLO | SSL_EXT_TLS1_3_ENCRYPTED_EXTENSIONS |
                             SSL_EXT_TLS1_3_CERTIFICATE | SSL_EXT_TLS1_3_CERTIFICATE_REQUEST |
                             SSL_EXT_TLS1_3_ONLY,
                         write_hello, nullptr, hello, nullptr, nullptr);
}

// hello_talk: a forged client against a server that retries every ClientHello (its group is not the client's
// first).
Talk hello_talk(Hello hello, const std::string& lines) {
  Stage stage;
  Peer server = server_with(stage.conf(lines));
  server.set_ctx = [](SSL_CTX* ctx) { SSL_CTX_set1_groups_list(ctx, "P-384"); };
  Peer client = client_with(kPlain);
  client.cert = "client";
  client.set_ctx = [&](SSL_CTX* ctx) {
    SSL_CTX_set1_groups_list(ctx, "X25519:P-384");
    forge_hello(ctx, &hello);
  };
  return talk(stage, server, client);
}

TEST(HelloRetry, AttestedHandshakeGoesThrough) {
  Stage stage;
  Peer server = server_with(stage.conf(kMutual));
  server.set_ctx = [](SSL_CTX* ctx) { SSL_CTX_set1_groups_list(ctx, "P-384"); };
  Peer client = client_with(stage.conf(kRequire));
  client.cert = "client";
  client.set_ctx = [](SSL_CTX* ctx) { SSL_CTX_set1_groups_list(ctx, "X25519:P-384"); };
  Talk t = talk(stage, server, client);
  EXPECT_TRUE(t.both()) << show(t) << stage.calls();
}

TEST(HelloRetry, DroppedRequestIsRefused) {
  Talk t = hello_talk({{request_body(1), std::nullopt}}, kMutual);
  EXPECT_TRUE(t.neither()) << show(t);
  EXPECT_TRUE(has(t.server["errors"], "peer.changed-request")) << show(t);
  EXPECT_EQ(t.server["alert_out"], "40");
}

TEST(HelloRetry, ChangedRequestIsRefusedEvenByAServerThatOnlyAttests) {
  Bytes other = request_body(1);
  other[10] ^= 1;
  for (const char* lines : {kMutual, kAttestOnly}) {
    Talk t = hello_talk({{request_body(1), other}}, lines);
    EXPECT_TRUE(t.neither()) << show(t);
    EXPECT_TRUE(has(t.server["errors"], "peer.changed-request")) << show(t);
  }
}

TEST(HelloRetry, RequestThatAppearsInTheSecondIsRefused) {
  Talk t = hello_talk({{std::nullopt, request_body(1)}}, kAttestOnly);
  EXPECT_TRUE(t.neither()) << show(t);
}

TEST(Hello, MalformedRequestIsRefused) {
  for (Bytes body : {Bytes{1, 1, 2}, Bytes(), Bytes(5000, 1)}) {
    Talk t = hello_talk({{body, body}}, kAttestOnly);
    EXPECT_TRUE(t.neither()) << body.size() << show(t);
    EXPECT_TRUE(has(t.server["errors"], "peer.bad-request")) << show(t);
    EXPECT_EQ(t.server["alert_out"], "40");
  }
}

TEST(Hello, AForgedOfferWithoutEvidenceGetsNoFurther) {
  Talk t = hello_talk({{request_body(5), request_body(5)}}, kMutual);
  EXPECT_FALSE(Talk::done(t.server)) << show(t);
  EXPECT_TRUE(has(t.server["errors"], "peer.silent")) << show(t);
}

// An SSL object that was accepted once is cleared and used again against a peer without evidence.
TEST(Reuse, ClearedClientKeepsNoVerdict) {
  Stage stage;
  auto body = [&](int fd, Report& report) {
    Peer peer = client_with("");
    OwnedCtx ctx = make_ctx(stage, peer, false, report);
    OwnedSsl ssl(SSL_new(ctx.get()));
    SSL_set_fd(ssl.get(), fd);
    shake_hands(ssl.get(), peer, report);
    report["first"] = report["done"];
    SSL_clear(ssl.get());
    shake_hands(ssl.get(), peer, report);
  };
  // The server program attests once; then its module is gone (a process of its own, on the same socket).
  auto server = [&](int fd, Report& report) {
    Report first = in_forked(stage.conf(kAttestOnly), [&](Report& r) {
      Peer peer = server_with("");
      peer.set_ctx = [](SSL_CTX* c) { SSL_CTX_set_num_tickets(c, 0); };
      OwnedCtx ctx = make_ctx(stage, peer, true, r);
      OwnedSsl ssl(SSL_new(ctx.get()));
      SSL_set_fd(ssl.get(), fd);
      shake_hands(ssl.get(), peer, r);
    });
    report["first"] = first["done"];
    in_forked(kPlain, [&](Report& r) {
      Peer peer = server_with("");
      OwnedCtx ctx = make_ctx(stage, peer, true, r);
      OwnedSsl ssl(SSL_new(ctx.get()));
      SSL_set_fd(ssl.get(), fd);
      shake_hands(ssl.get(), peer, r);
    });
  };
  Talk t = run_pair(kPlain, server, stage.conf(kRequire), body);
  EXPECT_EQ(t.client["first"], "1") << show(t) << stage.calls();
  EXPECT_EQ(t.client["done"], "0") << show(t);
  EXPECT_TRUE(has(t.client["errors"], "peer.silent"));
}

TEST(Reuse, ClearedServerAsksAndJudgesAgain) {
  Stage stage;
  auto twice = [&](bool server, const Peer& peer) {
    return [&stage, server, &peer](int fd, Report& report) {
      OwnedCtx ctx = make_ctx(stage, peer, server, report);
      OwnedSsl ssl(SSL_new(ctx.get()));
      SSL_set_fd(ssl.get(), fd);
      shake_hands(ssl.get(), peer, report);
      report["first"] = report["done"];
      report["mode"] = std::to_string(SSL_get_verify_mode(ssl.get()));
      SSL_clear(ssl.get());
      shake_hands(ssl.get(), peer, report);
    };
  };
  Peer server = server_with(""), client = client_with("");
  client.cert = "admin";
  Talk t = run_pair(stage.conf(kMutual), twice(true, server), stage.conf(kRequire), twice(false, client));
  EXPECT_EQ(t.server["first"], "1") << show(t);
  EXPECT_EQ(t.server["mode"], "0");  // the program's own verify mode is back
  EXPECT_TRUE(t.both()) << show(t);
  std::string calls = stage.calls();
  auto first = calls.find("judge client accepted");
  EXPECT_NE(calls.find("judge client accepted", first + 1), std::string::npos) << calls;
}

TEST(Version, OldVersionsAreRefusedByBothRoles) {
  auto tls12 = [](SSL_CTX* ctx) { SSL_CTX_set_max_proto_version(ctx, TLS1_2_VERSION); };
  Stage stage;
  Peer old_client = client_with(kPlain);
  old_client.set_ctx = tls12;
  Talk t = talk(stage, server_with(stage.conf(kMutual)), old_client);
  EXPECT_TRUE(t.neither()) << show(t);
  EXPECT_TRUE(has(t.server["errors"], "peer.version")) << show(t);
  Peer old_server = server_with(kPlain);
  old_server.set_ctx = tls12;
  EXPECT_TRUE(talk(stage, old_server, client_with(stage.conf(kRequire))).neither());
}

TEST(Version, ClientThatOffersOldVersionsTooLeavesNoErrorBehind) {
  Stage stage;
  Peer client = client_with(stage.conf(kRequire));
  client.cert = "client";
  Talk t = talk(stage, server_with(stage.conf(kMutual)), client);
  EXPECT_TRUE(t.both());
  EXPECT_EQ(t.errors(), "");
}

TEST(Version, ProgramThatSwitchedTls13OffGetsItBack) {
  Stage stage;
  for (auto limit : {+[](SSL_CTX* ctx) { SSL_CTX_set_max_proto_version(ctx, TLS1_2_VERSION); },
                     +[](SSL_CTX* ctx) { SSL_CTX_set_options(ctx, SSL_OP_NO_TLSv1_3); }}) {
    Peer client = client_with(stage.conf(kRequire));
    client.set_ctx = limit;
    Talk t = talk(stage, server_with(stage.conf(kAttestOnly)), client);
    EXPECT_TRUE(t.both()) << show(t);
    EXPECT_EQ(t.client["version"], "TLSv1.3");
  }
}

TEST(Version, DtlsIsRefusedBeforeItsFirstMessage) {
  Stage stage;
  Report report = in_forked(stage.conf(kRequire), [](Report& r) {
    OwnedCtx ctx(SSL_CTX_new(DTLS_client_method()));
    OwnedSsl ssl(SSL_new(ctx.get()));
    BIO* sink = BIO_new(BIO_s_mem());
    SSL_set_bio(ssl.get(), BIO_new(BIO_s_mem()), sink);
    r["connect"] = std::to_string(SSL_connect(ssl.get()));
    r["error"] = std::to_string(SSL_get_error(ssl.get(), -1));
    r["sent"] = std::to_string(BIO_pending(sink));
  });
  EXPECT_EQ(report["connect"], "-1");
  EXPECT_EQ(report["error"], std::to_string(SSL_ERROR_SSL));
  EXPECT_EQ(report["sent"], "0");
}

}  // namespace
}  // namespace attest::test
