// The hook between two unmodified TLS programs: what is asked, given, judged and allowed.
#include <gtest/gtest.h>

#include "test/support/tls_peers.h"

namespace attest::test {
namespace {

TEST(Hook, PlainProgramsTalkWithoutTheModule) {
  Stage stage({}, false);
  EXPECT_TRUE(talk(stage, server_with(kPlain), client_with(kPlain)).both());
}

TEST(Hook, ServerAttestsAndClientAccepts) {
  Stage stage;
  Talk t = talk(stage, server_with(stage.conf(kAttestOnly)), client_with(stage.conf(kRequire)));
  EXPECT_TRUE(t.both()) << show(t) << stage.calls();
  EXPECT_TRUE(has(stage.calls(), "begin client require peer=server.example"));
  EXPECT_TRUE(has(stage.calls(), "attest server room=65531"));
  EXPECT_TRUE(has(stage.calls(), "judge server accepted peer=server.example x509=0"));
}

TEST(Hook, AServerTellsTheDaemonWhoAsksByAddressAlone) {
  Stage stage;
  Talk t = talk(stage, server_with(stage.conf(std::string(kAttestOnly) + "\nattest-peer = partner.example")), client_with(stage.conf(kRequire)));
  EXPECT_TRUE(t.both()) << show(t) << stage.calls();
  EXPECT_TRUE(has(stage.calls(), "attest server room=65531 peer=unix:\n")) << stage.calls();
  EXPECT_FALSE(has(stage.calls(), "partner.example")) << "that name would put every stranger into the queue of those listed";
}

TEST(Hook, SilentServerIsRefusedWithAReasonAndAlert40) {
  Stage stage;
  Talk t = talk(stage, server_with(kPlain), client_with(stage.conf(kRequire)));
  EXPECT_TRUE(t.neither()) << show(t) << stage.calls();
  EXPECT_TRUE(has(t.client["errors"],
                  "peer.silent: server.example gave no evidence and policy \"default\" requires it "
                  "(see attestctl explain 7)"))
      << show(t);
  EXPECT_EQ(t.client["alert_out"], "40");
}

TEST(Hook, SilentClientIsRefused) {
  Stage stage;
  Talk t = talk(stage, server_with(stage.conf(kMutual)), client_with(kPlain));
  EXPECT_TRUE(t.neither()) << show(t);
  EXPECT_TRUE(has(t.server["errors"], "peer.silent: unix: does not offer attestation and this server requires it of clients (see attestctl explain 7)"))
      << show(t);
  EXPECT_TRUE(has(stage.calls(), "judge client refused peer=unix: x509=0 evidence=0")) << "the daemon knows of it: " << stage.calls();
  EXPECT_EQ(t.server["alert_out"], "40");
}

TEST(Hook, MutualAttestationWithTheProgramsOwnCertificates) {
  Stage stage;
  Peer client = client_with(stage.conf(kRequire));
  client.cert = "client";
  Talk t = talk(stage, server_with(stage.conf(kMutual)), client);
  EXPECT_TRUE(t.both()) << show(t) << stage.calls();
  EXPECT_TRUE(has(stage.calls(), "judge client accepted"));
  EXPECT_TRUE(has(stage.calls(), "judge server accepted"));
}

TEST(Hook, MachineCertificateServesAClientThatHasNone) {
  PeerScript script;
  script.machine_cert = "client";
  Stage stage(script);
  Talk t = talk(stage, server_with(stage.conf(kMutual)), client_with(stage.conf(kRequire)));
  EXPECT_TRUE(t.both()) << show(t) << stage.calls();
  EXPECT_EQ(t.server["peer"], "client.example");
  EXPECT_TRUE(has(stage.calls(), "sign machine"));
}

}  // namespace
}  // namespace attest::test
