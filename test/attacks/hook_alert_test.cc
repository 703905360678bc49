// The number of the alert a refusal sends. It is 40 wherever the refusal is ours to word; the three that
// OpenSSL words are pinned here, so that docs/PROTOCOL.md stays true.
#include <gtest/gtest.h>

#include "test/support/tls_peers.h"

namespace attest::test {
namespace {

void up_to_tls12(SSL_CTX* ctx) { SSL_CTX_set_max_proto_version(ctx, TLS1_2_VERSION); }

Talk old_client(void (*set_server)(SSL_CTX*)) {
  Stage stage;
  Peer server = server_with(stage.conf(kMutual)), client = client_with(kPlain);
  server.set_ctx = set_server;
  client.set_ctx = up_to_tls12;
  return talk(stage, server, client);
}

TEST(Alert, Is40ForAClientWithoutTls13) {
  Talk t = old_client([](SSL_CTX*) {});
  EXPECT_TRUE(t.neither()) << show(t);
  EXPECT_TRUE(has(t.server["errors"], "peer.version")) << show(t);
  EXPECT_EQ(t.server["alert_out"], "40") << show(t);
}

TEST(Alert, Is70WhereAProgramTookTheClientHelloCallback) {
  Talk t = old_client([](SSL_CTX* ctx) {
    SSL_CTX_set_client_hello_cb(
        ctx, [](SSL*, int*, void*) { return SSL_CLIENT_HELLO_SUCCESS; }, nullptr);
  });
  EXPECT_TRUE(t.neither()) << show(t);
  EXPECT_TRUE(has(t.server["errors"], "peer.version")) << show(t);
  EXPECT_EQ(t.server["alert_out"], "70") << show(t);
}

TEST(Alert, Is70ForAServerWithoutTls13) {
  Stage stage;
  Peer server = server_with(kPlain);
  server.set_ctx = up_to_tls12;
  Talk t = talk(stage, server, client_with(stage.conf(kRequire)));
  EXPECT_TRUE(t.neither()) << show(t);
  // The server, which speaks first, may end it: a client that offers TLS 1.3 alone gets its alert 70.
  EXPECT_EQ(t.client["alert_out"] + t.client["alert_in"], "70") << show(t);
}

TEST(Alert, Is116ForAClientWithoutACertificate) {
  Stage stage;
  Talk t = talk(stage, server_with(stage.conf(kMutual)), client_with(stage.conf(kAttestOnly)));
  EXPECT_FALSE(Talk::done(t.server)) << show(t);
  EXPECT_EQ(t.server["alert_out"], "116") << show(t);
}

TEST(Alert, AServerThatDemandsNothingTalksToOldClients) {
  Stage stage;
  Peer server = server_with(stage.conf(kAttestOnly)), client = client_with(kPlain);
  client.set_ctx = up_to_tls12;
  Talk t = talk(stage, server, client);
  EXPECT_TRUE(t.both()) << show(t);
}

}  // namespace
}  // namespace attest::test
