// What evidence may not buy: an identity the program never trusted, a pass under VERIFY_NONE, evidence of the
// other side.
#include <gtest/gtest.h>
#include <openssl/x509_vfy.h>

#include "test/support/tls_peers.h"

namespace attest::test {
namespace {

const std::string kUntrusted = std::to_string(X509_V_ERR_CERT_UNTRUSTED);
const char* kPreferServer = "attest-server = prefer\nattest-client = off";
const char* kPreferClient = "attest-client = prefer";

PeerScript lying() {
  PeerScript script;
  script.wrong_from = 1;
  return script;
}

PeerScript verdict(PeerScript::Verdict v) {
  PeerScript script;
  script.verdict = v;
  return script;
}

Peer with_cert(Peer peer, const std::string& cert) {
  peer.cert = cert;
  return peer;
}

TEST(Identity, SelfSignedAdminWithGoodEvidenceHasNoVerifiedName) {
  Stage stage;
  for (const char* cert :
       {"admin", "client"}) {  // nor has a leaf of a CA the program was not told to trust clients by
    Talk t =
        talk(stage, server_with(stage.conf(kMutual)), with_cert(client_with(stage.conf(kRequire)), cert));
    EXPECT_TRUE(t.both()) << show(t);
    EXPECT_EQ(t.server["verify_result"], kUntrusted) << show(t);
  }
}

TEST(Identity, ProgramsOwnRootCheckMustSucceedToo) {
  Stage stage;
  Peer server = server_with(stage.conf(kMutual));
  server.verify = SSL_VERIFY_PEER;
  Talk t = talk(stage, server, with_cert(client_with(stage.conf(kRequire)), "admin"));
  EXPECT_FALSE(Talk::done(t.server)) << show(t);
  EXPECT_TRUE(has(stage.calls(), "judge client accepted")) << stage.calls();
  t = talk(stage, server, with_cert(client_with(stage.conf(kRequire)), "client"));
  EXPECT_TRUE(t.both()) << show(t);
  EXPECT_EQ(t.server["verify_result"], "0");
  EXPECT_FALSE(has(stage.calls(), "x509=1")) << "nobody announced that names are checked";
  server.conf = stage.conf(std::string(kMutual) + "\nattest-x509-name-checked = yes");
  t = talk(stage, server, with_cert(client_with(stage.conf(kRequire)), "client"));
  EXPECT_TRUE(t.both()) << show(t);
  EXPECT_TRUE(has(stage.calls(), "x509=1"));
}

TEST(Identity, ClientsOwnRootCheckMustSucceedToo) {
  Stage stage;
  Peer client = client_with(stage.conf(kRequire));
  client.verify = SSL_VERIFY_PEER;
  Talk t = talk(stage, with_cert(server_with(stage.conf(kAttestOnly)), "admin"), client);
  EXPECT_TRUE(t.neither()) << show(t);
  EXPECT_TRUE(has(stage.calls(), "judge server accepted"));
}

TEST(VerifyNone, WrongEvidenceIsRefusedAllTheSame) {
  Stage stage(lying());
  Talk t = talk(stage, server_with(stage.conf(kAttestOnly)), client_with(stage.conf(kRequire)));
  EXPECT_TRUE(t.neither()) << show(t);
  EXPECT_TRUE(has(t.client["errors"], "binder.mismatch")) << show(t);
  EXPECT_EQ(t.client["alert_out"], "40");
}

TEST(VerifyPeer, WrongEvidenceIsRefusedWithAlert40) {
  Stage stage(lying());
  Peer client = client_with(stage.conf(kRequire));
  client.verify = SSL_VERIFY_PEER;
  Talk t = talk(stage, server_with(stage.conf(kAttestOnly)), client);
  EXPECT_TRUE(t.neither()) << show(t);
  EXPECT_TRUE(has(t.client["errors"], "binder.mismatch")) << show(t);
  EXPECT_EQ(t.client["alert_out"], "40");
  EXPECT_EQ(t.client["verify_result"], std::to_string(X509_V_ERR_APPLICATION_VERIFICATION));
}

TEST(VerifyNone, WrongEvidenceOfAClientIsRefused) {
  PeerScript script;
  script.wrong_from = 2;  // the server's is good
  Stage stage(script);
  Talk t =
      talk(stage, server_with(stage.conf(kMutual)), with_cert(client_with(stage.conf(kRequire)), "client"));
  EXPECT_FALSE(Talk::done(t.server)) << show(t);
  EXPECT_TRUE(has(t.server["errors"], "binder.mismatch")) << show(t);
  EXPECT_EQ(t.server["alert_out"], "40");
}

TEST(Refusal, TheDaemonsReasonReachesTheErrorQueue) {
  Stage stage(verdict(PeerScript::Verdict::refuse));
  Talk t = talk(stage, server_with(stage.conf(kAttestOnly)), client_with(stage.conf(kRequire)));
  EXPECT_TRUE(t.neither());
  EXPECT_TRUE(has(t.client["errors"],
                  "pcr.unexpected-event: boot event 31 is not in the references (see attestctl "
                  "explain 9)"))
      << show(t);
  EXPECT_FALSE(has(t.server["errors"], "pcr"));  // the peer learns nothing
}

// A program may replace the verify callback; then nobody judges there, and the signature rule does.
TEST(Programs, OwnVerifyCallbackDoesNotGoRoundTheEvidence) {
  auto own = [](SSL_CTX* ctx) {
    SSL_CTX_set_cert_verify_callback(
        ctx, [](X509_STORE_CTX*, void*) { return 1; }, nullptr);
  };
  for (bool good : {true, false}) {
    Stage stage(good ? PeerScript{} : lying());
    Peer client = client_with(stage.conf(kRequire));
    client.set_ctx = own;
    Talk t = talk(stage, server_with(stage.conf(kAttestOnly)), client);
    EXPECT_EQ(t.both(), good) << show(t);
    EXPECT_TRUE(has(stage.calls(), "judge server")) << stage.calls();
  }
}

int allow_all(const SSL*, const SSL_CTX*, int, int, int, void*, void*) { return 1; }

TEST(Programs, OwnSecurityCallbackDoesNotGoRoundTheHook) {
  auto own = [](SSL_CTX* ctx) { SSL_CTX_set_security_callback(ctx, allow_all); };
  Stage stage;
  Peer client = client_with(stage.conf(kRequire)), server = server_with(stage.conf(kMutual));
  client.set_ctx = server.set_ctx = own;
  client.cert = "client";
  EXPECT_TRUE(talk(stage, server, client).both());
  Talk t = talk(stage, server_with(kPlain), client);
  EXPECT_TRUE(t.neither()) << show(t);
  EXPECT_TRUE(has(t.client["errors"], "peer.silent"));
  Peer plain = client_with(kPlain);
  t = talk(stage, server, plain);
  EXPECT_TRUE(t.neither()) << show(t);
  EXPECT_TRUE(has(t.server["errors"], "peer.silent")) << show(t);
  plain.set_ctx = [](SSL_CTX* ctx) { SSL_CTX_set_max_proto_version(ctx, TLS1_2_VERSION); };
  EXPECT_TRUE(talk(stage, server, plain).neither());
}

int (*chained)(const SSL*, const SSL_CTX*, int, int, int, void*, void*) = nullptr;
int chain_on(const SSL* s, const SSL_CTX* c, int op, int bits, int nid, void* other, void* ex) {
  return chained(s, c, op, bits, nid, other, ex);
}

TEST(Programs, SecurityCallbackThatChainsMakesNoCircle) {
  Stage stage;
  Peer client = client_with(stage.conf(kRequire));
  client.set_ctx = [](SSL_CTX* ctx) {
    chained = SSL_CTX_get_security_callback(ctx);
    SSL_CTX_set_security_callback(ctx, chain_on);
  };
  Talk t = talk(stage, server_with(stage.conf(kAttestOnly)), client);
  EXPECT_TRUE(t.both()) << show(t);
}

TEST(Programs, SecurityLevelStillCounts) {
  Stage stage;
  Peer client = client_with(stage.conf(kRequire));
  client.set_ctx = [](SSL_CTX* ctx) { SSL_CTX_set_security_level(ctx, 5); };  // P-256 is below it
  EXPECT_TRUE(talk(stage, server_with(stage.conf(kAttestOnly)), client).neither());
}

std::string lines;
void own_keylog(const SSL*, const char* line) { lines += line; }

TEST(Programs, OwnKeylogCallbackIsChained) {
  Stage stage;
  Peer client = client_with(stage.conf(kRequire)), server = server_with(stage.conf(kAttestOnly));
  for (Peer* peer : {&client, &server}) {
    peer->set_ctx = [](SSL_CTX* ctx) { SSL_CTX_set_keylog_callback(ctx, own_keylog); };
    peer->after = [](SSL*, Report& r) { r["keylog"] = lines; };
  }
  Talk t = talk(stage, server, client);
  EXPECT_TRUE(t.both()) << show(t);
  EXPECT_TRUE(has(t.server["keylog"], "SERVER_HANDSHAKE_TRAFFIC_SECRET"));
  EXPECT_TRUE(has(t.client["keylog"], "CLIENT_TRAFFIC_SECRET_0"));
  EXPECT_EQ(t.server["keylog"].size(), t.client["keylog"].size());  // in another order
}

TEST(Prefer, RefusesNobodyAndVerifiesNobody) {
  for (PeerScript script : {PeerScript{}, lying(), verdict(PeerScript::Verdict::observe)}) {
    Stage stage(script);
    Talk t = talk(stage, server_with(stage.conf(kPreferServer)),
                  with_cert(client_with(stage.conf(kRequire)), "admin"));
    if (script.wrong_from == 0) {
      EXPECT_TRUE(Talk::done(t.server)) << show(t);
      EXPECT_EQ(t.server["verify_result"], kUntrusted) << show(t);
    }
    t = talk(stage, server_with(stage.conf(kPreferServer)), client_with(kPlain));
    EXPECT_TRUE(t.both()) << show(t);
  }
}

TEST(Prefer, ClientTakesSilentAndLyingServersAndSaysNothingOfItself) {
  for (PeerScript script : {PeerScript{}, lying()}) {
    Stage stage(script);
    Peer client = with_cert(client_with(stage.conf(kPreferClient)), "client");
    Talk t = talk(stage, server_with(stage.conf(kPreferServer)), client);
    EXPECT_TRUE(t.both()) << show(t);
    EXPECT_TRUE(has(stage.calls(), "judge server")) << stage.calls();
    EXPECT_FALSE(has(stage.calls(), "attest client")) << stage.calls();
    EXPECT_TRUE(talk(stage, server_with(kPlain), client).both());
  }
}

TEST(Observe, ReleasesNoClientEvidence) {
  Stage stage(verdict(PeerScript::Verdict::observe));
  Talk t =
      talk(stage, server_with(stage.conf(kMutual)), with_cert(client_with(stage.conf(kRequire)), "client"));
  EXPECT_TRUE(has(stage.calls(), "judge server observed")) << stage.calls();
  EXPECT_FALSE(has(stage.calls(), "attest client")) << stage.calls();
  EXPECT_TRUE(Talk::done(t.client) || has(stage.calls(), "judge client")) << show(t);
}

// A client that demands nothing gives evidence only to a server whose chain and name its program verified.
TEST(Release, NeedsAVerifiedChainAndName) {
  struct Case {
    int verify;
    bool host;
    const char* lines;
    bool given;
  };
  for (const Case& c :
       {Case{SSL_VERIFY_PEER, true, kAttestOnly, true}, Case{SSL_VERIFY_PEER, false, kAttestOnly, false},
        Case{SSL_VERIFY_NONE, true, kAttestOnly, false},
        Case{SSL_VERIFY_PEER, false, "attest-client = off\nattest-x509-name-checked = yes", true},
        Case{SSL_VERIFY_PEER, true, "attest-client = off\nattest-evidence = no", false}}) {
    Stage stage;
    Peer client = with_cert(client_with(stage.conf(c.lines)), "client");
    client.verify = c.verify;
    if (c.host) client.set_ssl = [](SSL* ssl) { SSL_set1_host(ssl, "server.example"); };
    Talk t = talk(stage, server_with(stage.conf(kMutual)), client);
    EXPECT_EQ(Talk::done(t.server), c.given) << show(t);
    EXPECT_EQ(has(stage.calls(), "attest client"), c.given) << c.lines << stage.calls();
  }
}

TEST(Release, ALenientVerifyCallbackVerifiesNothing) {
  Stage stage;
  Peer client = with_cert(client_with(stage.conf(kAttestOnly)), "client");
  client.trust_ca = false;
  client.set_ssl = [](SSL* ssl) {
    SSL_set1_host(ssl, "server.example");
    SSL_set_verify(ssl, SSL_VERIFY_PEER, [](int, X509_STORE_CTX*) { return 1; });
  };
  Talk t = talk(stage, server_with(stage.conf(kMutual)), client);
  EXPECT_FALSE(Talk::done(t.server)) << show(t);
  EXPECT_FALSE(has(stage.calls(), "attest client")) << stage.calls();
}

TEST(Release, MachineCertificateIsNotShownToServersThatDoNotAttest) {
  PeerScript script;
  script.machine_cert = "client";
  Stage stage(script);
  Peer server = server_with(kPlain);
  server.verify = SSL_VERIFY_PEER;
  talk(stage, server, client_with(stage.conf(kPreferClient)));
  talk(stage, server, client_with(stage.conf(kAttestOnly)));
  EXPECT_FALSE(has(stage.calls(), "machine_cert")) << stage.calls();
}

}  // namespace
}  // namespace attest::test
