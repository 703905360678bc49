// The daemon between two programs: absent, slow, dying, somebody else's. Every handshake that needs it fails
// closed within its deadline, and says at which socket.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <thread>

#include "test/support/tls_peers.h"

namespace attest::test {
namespace {

using namespace std::chrono_literals;

// both_ways: server and client attest each other. The plain halves of a refusal are checked by the caller.
Talk both_ways(const Stage& stage, const std::string& more = "") {
  Peer client = client_with(stage.conf(std::string(kRequire) + "\n" + more));
  client.cert = "client";
  return talk(stage, server_with(stage.conf(std::string(kMutual) + "\n" + more)), client);
}

TEST(Daemon, AbsentMeansNoHandshakeAndAReasonThatNamesTheSocket) {
  Stage stage({}, false);
  Talk t = both_ways(stage);
  EXPECT_TRUE(t.neither()) << show(t);
  EXPECT_TRUE(has(t.client["errors"], "daemon.unreachable: cannot connect to " + stage.socket())) << show(t);
  EXPECT_TRUE(has(t.client["errors"], "is cmcd-lite running?"));
}

TEST(Daemon, AbsentAtTheServerIsAReasonThere) {
  Stage stage, lonely({}, false);
  Peer server = server_with(lonely.conf(kAttestOnly));
  Talk t = talk(stage, server, client_with(stage.conf(kRequire)));
  EXPECT_TRUE(t.neither()) << show(t);
  EXPECT_TRUE(has(t.server["errors"], "daemon.unreachable: cannot connect to " + lonely.socket())) << show(t);
  EXPECT_EQ(t.server["alert_out"], "40");
}

TEST(Daemon, ServerWithoutItStillServesWhoDoesNotInsist) {
  Stage stage, lonely({}, false);
  Talk t =
      talk(stage, server_with(lonely.conf(kAttestOnly)), client_with(stage.conf("attest-client = prefer")));
  EXPECT_TRUE(t.both()) << show(t);
  EXPECT_TRUE(talk(stage, server_with(lonely.conf(kAttestOnly)), client_with(kPlain)).both());
}

TEST(Daemon, PreferWithoutItGoesOn) {
  Stage lonely({}, false);
  Talk t = talk(lonely, server_with(lonely.conf("attest-server = prefer\nattest-client = off")),
                client_with(lonely.conf("attest-client = prefer")));
  EXPECT_TRUE(t.both()) << show(t);
}

class Trouble : public testing::TestWithParam<std::tuple<PeerScript::Trouble, FrameType>> {};

TEST_P(Trouble, AtAnyCallFailsClosedWithinTheDeadline) {
  PeerScript script;
  std::tie(script.trouble, script.trouble_at) = GetParam();
  Stage stage(script);
  auto start = std::chrono::steady_clock::now();
  Talk t = both_ways(stage);
  EXPECT_LT(std::chrono::steady_clock::now() - start, 6s);
  EXPECT_TRUE(t.neither()) << show(t);
  EXPECT_TRUE(
      has(t.errors(), script.trouble == PeerScript::Trouble::stall ? "daemon.timeout" : "daemon.unreachable"))
      << show(t);
  EXPECT_TRUE(has(t.errors(), stage.socket()));
}

INSTANTIATE_TEST_SUITE_P(
    All, Trouble,
    testing::Combine(testing::Values(PeerScript::Trouble::stall, PeerScript::Trouble::close,
                                     PeerScript::Trouble::cut),
                     testing::Values(FrameType::begin, FrameType::attest, FrameType::judge)));

TEST(Daemon, OfAnotherUserIsNotBelieved) {
  if (::getuid() != 0) GTEST_SKIP() << "needs root: the daemon must run as another user";
  PeerScript script;
  script.run_as_uid = 65534;
  Stage stage(script);
  Talk t = both_ways(stage, "attest-daemon-uid = 0");
  EXPECT_TRUE(t.neither()) << show(t);
  EXPECT_TRUE(has(t.client["errors"], "daemon.wrong-owner: " + stage.socket() + " is served by uid 65534"))
      << show(t);
  EXPECT_TRUE(both_ways(stage, "attest-daemon-uid = nobody").both());
}

// The nonce belongs to the connection it was issued on: a daemon that dies in mid-handshake takes it with it.
TEST(Daemon, KilledInMidHandshakeMeansRefusal) {
  Stage stage;
  pid_t daemon = stage.daemon()->pid();
  Peer server = server_with(stage.conf(kAttestOnly)), client = client_with(stage.conf(kRequire));
  client.set_ctx = [daemon](SSL_CTX* ctx) {
    static pid_t victim;
    victim = daemon;
    SSL_CTX_set_keylog_callback(ctx, [](const SSL*, const char* line) {
      if (std::string(line).starts_with("SERVER_HANDSHAKE")) ::kill(victim, SIGKILL);
    });
  };
  Talk t = talk(stage, server, client);
  EXPECT_TRUE(t.neither()) << show(t);
  EXPECT_TRUE(has(t.errors(), "daemon.unreachable")) << show(t);
}

// A server with many clients that never end their handshakes holds one connection to the daemon a thread, not
// one a client.
TEST(Daemon, SlowClientsDoNotTakeItsConnections) {
  Stage stage;
  Report r = in_forked(stage.conf("attest-server = require\nattest-client = require"), [&](Report& report) {
    Peer server_peer = server_with(""), client_peer = client_with("");
    OwnedCtx server_ctx = make_ctx(stage, server_peer, true, report),
             client_ctx = make_ctx(stage, client_peer, false, report);
    std::vector<OwnedSsl> open;
    auto fds = [] { return std::distance(std::filesystem::directory_iterator("/proc/self/fd"), {}); };
    long before = fds();
    for (int i = 0; i < 50; i++) {
      OwnedSsl server(SSL_new(server_ctx.get())), client(SSL_new(client_ctx.get()));
      BIO *a = nullptr, *b = nullptr;
      BIO_new_bio_pair(&a, 100000, &b, 100000);
      SSL_set_bio(server.get(), a, a);
      SSL_set_bio(client.get(), b, b);
      SSL_connect(client.get());  // ClientHello
      SSL_accept(server.get());   // up to its Finished
      open.push_back(std::move(server));
      open.push_back(std::move(client));
    }
    report["more"] = std::to_string(fds() - before);
  });
  std::string calls = stage.calls();
  long begun = 0;
  for (auto at = calls.find("begin server"); at != std::string::npos; at = calls.find("begin server", at + 1))
    begun++;
  EXPECT_EQ(begun, 50) << r["errors"];
  EXPECT_LE(std::stoi(r["more"]), 4);
}

// shake_in_memory makes one handshake with both ends in this process.
bool shake_in_memory(SSL_CTX* server_ctx, SSL_CTX* client_ctx) {
  OwnedSsl server(SSL_new(server_ctx)), client(SSL_new(client_ctx));
  BIO *a = nullptr, *b = nullptr;
  BIO_new_bio_pair(&a, 100000, &b, 100000);
  SSL_set_bio(server.get(), a, a);
  SSL_set_bio(client.get(), b, b);
  int at_client = 0, at_server = 0;
  for (int i = 0; i < 5; i++) {
    at_client = SSL_connect(client.get());
    at_server = SSL_accept(server.get());
  }
  return at_client == 1 && at_server == 1;
}

struct Inside {
  SSL_CTX* server = nullptr;
  SSL_CTX* client = nullptr;
  int depth = 0;
  bool done = false;
} inside;  // of a child process

int shake_inside(int, X509_STORE_CTX*) {
  if (inside.depth++ == 0) inside.done = shake_in_memory(inside.server, inside.client);
  return 1;
}

// The daemon judges while the program checks the certificate. A program that shakes hands in that check does
// so on the same thread, whose link waits for an answer.
TEST(Daemon, AHandshakeInsideAnothersCertificateCheckGetsItsOwnAnswer) {
  Stage stage;
  Report r = in_forked(stage.conf(kRequire), [&](Report& report) {
    Peer server_peer = server_with(""), client_peer = client_with("");
    client_peer.verify = SSL_VERIFY_PEER;
    client_peer.set_ctx = [](SSL_CTX* ctx) { SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, shake_inside); };
    OwnedCtx server_ctx = make_ctx(stage, server_peer, true, report),
             client_ctx = make_ctx(stage, client_peer, false, report);
    inside = {server_ctx.get(), client_ctx.get(), 0, false};
    report["outer"] = shake_in_memory(server_ctx.get(), client_ctx.get()) ? "1" : "0";
    report["inner"] = inside.done ? "1" : "0";
  });
  EXPECT_EQ(r["outer"], "1") << r["errors"] << stage.calls();
  EXPECT_EQ(r["inner"], "1") << r["errors"] << stage.calls();
  std::string calls = stage.calls();
  auto first = calls.find("judge server accepted");
  ASSERT_NE(first, std::string::npos) << calls;
  EXPECT_NE(calls.find("judge server accepted", first + 1), std::string::npos) << calls;
}

// A program that forks between ClientHello and Certificate: the child must not believe the parent's nonce.
TEST(Daemon, ConnectionFromBeforeForkIsNotUsed) {
  Stage stage;
  auto client = [&](int fd, Report& report) {
    Peer peer = client_with("");
    OwnedCtx ctx = make_ctx(stage, peer, false, report);
    OwnedSsl ssl(SSL_new(ctx.get()));
    SSL_set_tlsext_host_name(ssl.get(), "server.example");
    BIO *in = BIO_new(BIO_s_mem()), *out = BIO_new(BIO_s_mem());
    SSL_set_bio(ssl.get(), in, out);
    SSL_connect(ssl.get());  // the ClientHello, in memory
    pid_t child = ::fork();
    if (child != 0) {
      int status = 0;
      ::waitpid(child, &status, 0);
      report["refused"] = std::to_string(WEXITSTATUS(status));
      return;
    }
    for (int i = 0; i < 20 && !SSL_is_init_finished(ssl.get()); i++) {
      char bytes[8192];
      int n = BIO_read(out, bytes, sizeof bytes);
      if (n > 0 && ::write(fd, bytes, static_cast<std::size_t>(n)) < 0) break;
      ssize_t got = ::read(fd, bytes, sizeof bytes);
      if (got <= 0) break;
      BIO_write(in, bytes, static_cast<int>(got));
      SSL_connect(ssl.get());
      if (has(queue_text(), "daemon.forked")) ::_exit(1);
    }
    ::_exit(0);
  };
  auto server = [&](int fd, Report& report) {
    Peer peer = server_with("");
    OwnedCtx ctx = make_ctx(stage, peer, true, report);
    OwnedSsl ssl(SSL_new(ctx.get()));
    SSL_set_fd(ssl.get(), fd);
    shake_hands(ssl.get(), peer, report);
  };
  Talk t = run_pair(stage.conf(kAttestOnly), server, stage.conf(kRequire), client);
  EXPECT_EQ(t.client["refused"], "1") << show(t) << stage.calls();
}

}  // namespace
}  // namespace attest::test
