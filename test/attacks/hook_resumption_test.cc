// Handshakes without a Certificate message, and evidence asked for after one: sessions, tickets, early data,
// pre-shared keys, post-handshake authentication.
#include <gtest/gtest.h>
#include <openssl/err.h>

#include "test/support/tls_peers.h"

namespace attest::test {
namespace {

constexpr unsigned char kPsk[32] = {1, 2, 3};

// A TLS 1.3 session that stands for the pre-shared key.
SSL_SESSION* psk_session(SSL* ssl) {
  SSL_SESSION* session = SSL_SESSION_new();
  const unsigned char suite[] = {0x13, 0x01};
  SSL_SESSION_set1_master_key(session, kPsk, sizeof kPsk);
  SSL_SESSION_set_cipher(session, SSL_CIPHER_find(ssl, suite));
  SSL_SESSION_set_protocol_version(session, TLS1_3_VERSION);
  return session;
}

int use_psk(SSL* ssl, const EVP_MD*, const unsigned char** id, std::size_t* size, SSL_SESSION** session) {
  *id = reinterpret_cast<const unsigned char*>("id");
  *size = 2;
  *session = psk_session(ssl);
  return 1;
}

int find_psk(SSL* ssl, const unsigned char*, std::size_t, SSL_SESSION** session) {
  *session = psk_session(ssl);
  return 1;
}

void psk_client(SSL_CTX* ctx) { SSL_CTX_set_psk_use_session_callback(ctx, use_psk); }
void psk_suite(SSL_CTX* ctx) { SSL_CTX_set_ciphersuites(ctx, "TLS_AES_128_GCM_SHA256"); }
void psk_server(SSL_CTX* ctx) {
  SSL_CTX_set_psk_find_session_callback(ctx, find_psk);
  psk_suite(ctx);
}

TEST(Psk, PlainProgramsUseIt) {  // so that the next tests can fail
  Stage stage({}, false);
  Peer server = server_with(kPlain), client = client_with(kPlain);
  server.set_ctx = psk_server;
  client.set_ctx = psk_client;
  Talk t = talk(stage, server, client);
  EXPECT_TRUE(t.both()) << show(t);
  EXPECT_EQ(t.client["reused"], "1");
}

TEST(Psk, ClientUnderTheHookOffersNone) {
  Stage stage;
  Peer server = server_with(kPlain), client = client_with(stage.conf(kRequire));
  server.set_ctx = psk_server;
  client.set_ctx = psk_client;
  Talk t = talk(stage, server, client);
  EXPECT_TRUE(t.neither()) << show(t);
  EXPECT_EQ(t.client["reused"], "0");
  EXPECT_TRUE(has(t.client["errors"], "peer.silent"));
}

TEST(Psk, ServerUnderTheHookTakesNone) {
  Stage stage;
  Peer server = server_with(stage.conf(kMutual)), client = client_with(stage.conf(kAttestOnly));
  server.set_ctx = psk_server;
  client.set_ctx = psk_client;
  Talk t = talk(stage, server, client);
  EXPECT_FALSE(Talk::done(t.server)) << show(t);
  EXPECT_EQ(t.server["reused"], "0");
}

// A program that sets its callbacks after the handshake began (from the ClientHello callback) brings the
// pre-shared key back; the rules for EncryptedExtensions still refuse it.
TEST(Psk, ServerProgramThatInsistsIsRefused) {
  Stage stage;
  Peer server = server_with(stage.conf(kMutual)), client = client_with(stage.conf(kAttestOnly));
  server.set_ctx = [](SSL_CTX* ctx) {
    psk_suite(ctx);
    SSL_CTX_set_client_hello_cb(
        ctx,
        [](SSL* ssl, int*, void*) {
          SSL_set_psk_find_session_callback(ssl, find_psk);
          return SSL_CLIENT_HELLO_SUCCESS;
        },
        nullptr);
  };
  client.set_ctx = psk_client;
  Talk t = talk(stage, server, client);
  EXPECT_TRUE(t.neither()) << show(t);
  EXPECT_TRUE(has(t.server["errors"], "peer.resumed")) << show(t);
  EXPECT_EQ(t.server["alert_out"], "40");
}

int use_psk_late(SSL* ssl, unsigned, unsigned context, const unsigned char**, std::size_t*, X509*,
                 std::size_t, int*, void*) {
  if (context & SSL_EXT_CLIENT_HELLO) SSL_set_psk_use_session_callback(ssl, use_psk);
  return 0;
}

TEST(Psk, ClientProgramThatInsistsIsRefused) {
  Stage stage;
  Peer server = server_with(kPlain), client = client_with(stage.conf(kRequire));
  server.set_ctx = psk_server;
  client.set_ctx = [](SSL_CTX* ctx) {
    SSL_CTX_add_custom_ext(ctx, 0xff77, SSL_EXT_CLIENT_HELLO | SSL_EXT_TLS1_3_ONLY, use_psk_late, nullptr,
                           nullptr, nullptr, nullptr);
  };
  Talk t = talk(stage, server, client);
  EXPECT_TRUE(t.neither()) << show(t);
  EXPECT_TRUE(has(t.client["errors"], "peer.resumed")) << show(t);
  EXPECT_EQ(t.client["alert_out"], "47") << "OpenSSL words this one: the cipher of the ServerHello was refused";
}

SSL_SESSION* the_session = nullptr;  // of a child process
int sessions = 0;

int keep_session(SSL*, SSL_SESSION* session) {
  sessions++;
  SSL_SESSION_free(the_session);
  the_session = session;
  return 1;
}

void keep_sessions(SSL_CTX* ctx) {
  SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT);
  SSL_CTX_sess_set_new_cb(ctx, keep_session);
}

// two_connections makes both ends connect twice on one socket; the client offers what it kept.
PeerBody two_connections(const Stage& stage, const Peer& peer, bool server) {
  return [&stage, peer, server](int fd, Report& report) {
    OwnedCtx ctx = make_ctx(stage, peer, server, report);
    for (const char* which : {"first", "second"}) {
      OwnedSsl ssl(SSL_new(ctx.get()));
      SSL_set_fd(ssl.get(), fd);
      if (the_session != nullptr) SSL_set_session(ssl.get(), the_session);
      shake_hands(ssl.get(), peer, report);
      report[which] = report["done"] + report["reused"];
      SSL_set_shutdown(ssl.get(),
                       SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);  // an orderly end keeps sessions
    }
    report["sessions"] = std::to_string(sessions);
  };
}

TEST(Sessions, PlainProgramsResume) {  // so that the next tests can fail
  Stage stage({}, false);
  Peer server = server_with(kPlain), client = client_with(kPlain);
  client.set_ctx = keep_sessions;
  Talk t =
      run_pair(kPlain, two_connections(stage, server, true), kPlain, two_connections(stage, client, false));
  EXPECT_EQ(t.client["second"], "11") << show(t);
}

TEST(Sessions, ClientUnderTheHookJudgesEveryHandshake) {
  Stage stage;
  Peer server = server_with(""), client = client_with("");
  client.set_ctx = keep_sessions;
  Talk t = run_pair(stage.conf(kAttestOnly), two_connections(stage, server, true), stage.conf(kRequire),
                    two_connections(stage, client, false));
  EXPECT_EQ(t.client["first"], "10") << show(t);
  EXPECT_EQ(t.client["second"], "10");
  std::string calls = stage.calls();
  auto first = calls.find("judge server accepted");
  EXPECT_NE(calls.find("judge server accepted", first + 1), std::string::npos) << calls;
}

TEST(Sessions, ServerUnderTheHookSendsNoTicketsAndAllowsNoEarlyData) {
  Stage stage;
  Peer server = server_with(stage.conf(kMutual)), client = client_with(stage.conf(kAttestOnly));
  server.set_ctx = [](SSL_CTX* ctx) { SSL_CTX_set_max_early_data(ctx, 16384); };
  server.after = [](SSL* ssl, Report& r) { r["early"] = std::to_string(SSL_get_max_early_data(ssl)); };
  client.cert = "client";
  client.verify = SSL_VERIFY_PEER;
  client.set_ctx = keep_sessions;
  client.set_ssl = [](SSL* ssl) { SSL_set1_host(ssl, "server.example"); };
  client.after = [](SSL*, Report& r) { r["sessions"] = std::to_string(sessions); };
  Talk t = talk(stage, server, client);
  EXPECT_TRUE(t.both()) << show(t) << stage.calls();
  EXPECT_EQ(t.client["sessions"], "0");
  EXPECT_EQ(t.server["early"], "0");
}

// A ticket from a server of the same keys that demands nothing.
TEST(Sessions, TicketOfAnotherServerIsNoEntrance) {
  Stage stage;
  auto keys = [](SSL_CTX* ctx) {
    unsigned char fixed[80] = {9};
    SSL_CTX_set_tlsext_ticket_keys(ctx, fixed, sizeof fixed);
  };
  auto server = [&](int fd, Report& report) {
    for (std::string conf : {std::string(kPlain), stage.conf(kMutual)})
      report[conf == kPlain ? "plain" : "hook"] = in_forked(conf, [&](Report& r) {
        Peer peer = server_with("");
        peer.set_ctx = keys;
        OwnedCtx ctx = make_ctx(stage, peer, true, r);
        OwnedSsl ssl(SSL_new(ctx.get()));
        SSL_set_fd(ssl.get(), fd);
        shake_hands(ssl.get(), peer, r);
        SSL_set_shutdown(ssl.get(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
      })["done"];
  };
  Peer client = client_with("");
  client.set_ctx = keep_sessions;
  Talk t = run_pair(kPlain, server, stage.conf(kAttestOnly), two_connections(stage, client, false));
  EXPECT_EQ(t.server["plain"], "1") << show(t);
  EXPECT_EQ(t.server["hook"], "0") << show(t);
  EXPECT_EQ(t.client["second"].substr(1), "0") << show(t);
}

// authenticate_later is what apache does: ask for the certificate when a page needs it.
Peer authenticate_later(const std::string& conf) {
  Peer server = server_with(conf);
  server.verify = SSL_VERIFY_PEER | SSL_VERIFY_POST_HANDSHAKE;
  server.after = [](SSL* ssl, Report& r) {
    char byte = 'x';
    SSL_set_verify(ssl, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT | SSL_VERIFY_POST_HANDSHAKE,
                   nullptr);
    bool asked = SSL_verify_client_post_handshake(ssl) == 1 && SSL_do_handshake(ssl) == 1 &&
                 SSL_write(ssl, &byte, 1) == 1;
    r["later"] = asked && SSL_read(ssl, &byte, 1) == 1 ? "1" : "0";
    r["errors"] += queue_text();
    r["verify_result"] = std::to_string(SSL_get_verify_result(ssl));
  };
  return server;
}

Peer authenticated_later(const std::string& conf, const std::string& cert) {
  Peer client = client_with(conf);
  client.cert = cert;
  client.set_ctx = [](SSL_CTX* ctx) { SSL_CTX_set_post_handshake_auth(ctx, 1); };
  client.after = [](SSL* ssl, Report&) {
    char byte = 'x';
    SSL_read(ssl, &byte, 1);  // meets the request on its way to the byte, and answers it
    SSL_write(ssl, &byte, 1);
  };
  return client;
}

TEST(PostHandshake, EvidenceIsJudgedAgain) {
  Stage stage;
  Talk t = talk(stage, authenticate_later(stage.conf(kMutual)),
                authenticated_later(stage.conf(kRequire), "client"));
  EXPECT_EQ(t.server["later"], "1") << show(t) << stage.calls();
  std::string calls = stage.calls();
  auto first = calls.find("judge client accepted");
  EXPECT_NE(calls.find("judge client accepted", first + 1), std::string::npos) << calls;
}

TEST(PostHandshake, WrongEvidenceThenIsRefused) {
  PeerScript script;
  script.wrong_from = 3;  // the server's and the client's of the handshake are good
  Stage stage(script);
  Talk t = talk(stage, authenticate_later(stage.conf(kMutual)),
                authenticated_later(stage.conf(kRequire), "client"));
  EXPECT_TRUE(has(stage.calls(), "judge client accepted")) << show(t) << stage.calls();
  EXPECT_EQ(t.server["later"], "0") << show(t);
  EXPECT_TRUE(has(t.server["errors"], "binder.mismatch")) << show(t);
}

TEST(PostHandshake, WithoutTheDemandItIsTheProgramsOwnAffair) {
  Stage stage;
  Talk t = talk(stage, authenticate_later(stage.conf("attest-server = prefer\nattest-client = off")),
                authenticated_later(kPlain, "client"));
  EXPECT_EQ(t.server["later"], "1") << show(t) << stage.calls();
}

}  // namespace
}  // namespace attest::test
