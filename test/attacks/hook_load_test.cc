// What is left of a program's TLS when the module cannot be loaded, refuses to load, or goes away.
#include <gtest/gtest.h>
#include <openssl/provider.h>
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/lsan_interface.h>
#endif

#include <array>
#include <thread>

#include "test/support/tls_peers.h"

namespace attest::test {
namespace {

constexpr int kAlert = 7;  // bytes of a plain alert record: all that may leave
constexpr const char* kModule = ATTEST_BINARY_DIR "/provider/attest.so";

std::string with(std::string text, const std::string& from, const std::string& to) {
  auto at = text.find(from);
  return at == std::string::npos ? text : text.replace(at, from.size(), to);
}

// left_over says what a program can still do under a configuration.
Report left_over(const std::string& conf) {
  return in_forked(conf, [](Report& r) {
    OwnedCtx ctx(SSL_CTX_new(TLS_client_method()));
    r["ctx"] = ctx ? "1" : "0";
    r["errors"] = queue_text();
    if (!ctx) return;
    OwnedSsl ssl(SSL_new(ctx.get()));
    BIO* sink = BIO_new(BIO_s_mem());
    SSL_set_bio(ssl.get(), BIO_new(BIO_s_mem()), sink);
    SSL_connect(ssl.get());
    r["sent"] = BIO_pending(sink) > kAlert ? "1" : "0";
    r["errors"] += queue_text();
  });
}

TEST(Load, ModuleThatIsMissingLeavesNoTls) {
  Stage stage;
  Report r = left_over(
      stage.write("c.cnf", with(stage.conf_text(kRequire, stage.socket()), kModule, "/nonexistent.so")));
  EXPECT_EQ(r["ctx"], "0");
  r = left_over(stage.conf(kRequire));  // the counter-proof
  EXPECT_EQ(r["ctx"], "1");
  EXPECT_EQ(r["sent"], "1") << r["errors"];
}

TEST(Load, ModuleThatIsBrokenLeavesNoTls) {
  Stage stage;
  std::string broken = stage.write("attest.so",
                                   "\x7f"
                                   "ELF, but not really");
  Report r =
      left_over(stage.write("c.cnf", with(stage.conf_text(kRequire, stage.socket()), kModule, broken)));
  EXPECT_EQ(r["ctx"], "0");
}

// beside_default is the configuration that would go on without the module: default is listed too.
std::string beside_default(const Stage& stage, const std::string& lines) {
  return with(stage.conf_text(lines, stage.socket()), "[provs]\n", "[provs]\ndefault = def\n") +
         "[def]\nactivate = 1\n";
}

TEST(Load, BadParametersLeaveNoTls) {
  Stage stage;
  for (const char* lines :
       {"attest-client = maybe", "attest-clinet = require", "attest-judge-ms = 0", "attest-socket = relative",
        "attest-daemon-uid = no-such-user", "attest-debug = stderr"}) {
    EXPECT_EQ(left_over(stage.conf(lines))["ctx"], "0") << lines;
    Report r = left_over(stage.write("c.cnf", beside_default(stage, lines)));
    EXPECT_NE(r["sent"], "1") << lines;
    std::string name = std::string(lines).substr(0, std::string(lines).find(' '));
    EXPECT_TRUE(has(r["errors"], "config.bad") && has(r["errors"], name) && has(r["errors"], "c.cnf:"))
        << r["errors"];
  }
}

TEST(Load, SecondSwitchTakesTheSuitesAwayAndTheHookGivesThemBack) {
  Stage stage;
  std::string text = with(beside_default(stage, kRequire), "[main]\n", "[main]\nssl_conf = ssl\n") +
                     "[ssl]\nsystem_default = sys\n[sys]\nMinProtocol = TLSv1.3\nCiphersuites =\n";
  std::string armed = stage.write("armed.cnf", text);
  Peer server = server_with(stage.conf(kAttestOnly));
  Talk t = talk(stage, server, client_with(armed));
  EXPECT_TRUE(t.both()) << show(t);
  Report r = left_over(stage.write("missing.cnf", with(text, kModule, "/nonexistent.so")));
  EXPECT_NE(r["sent"], "1") << r["errors"];
}

// handshakes makes both ends in this process.
bool handshake(SSL_CTX* server_ctx, SSL_CTX* client_ctx) {
  OwnedSsl server(SSL_new(server_ctx)), client(SSL_new(client_ctx));
  BIO *a = nullptr, *b = nullptr;
  BIO_new_bio_pair(&a, 200000, &b, 200000);
  SSL_set_bio(server.get(), a, a);
  SSL_set_bio(client.get(), b, b);
  SSL_set_accept_state(server.get());
  SSL_set_connect_state(client.get());
  SSL_set_tlsext_host_name(client.get(), "server.example");
  for (int i = 0; i < 20; i++) {
    int c = SSL_do_handshake(client.get()), s = SSL_do_handshake(server.get());
    if (c == 1 && s == 1) return true;
  }
  return false;
}

struct Contexts {
  OwnedCtx server, client;
};

Contexts contexts(const Stage& stage, Report& report) {
  Peer server = server_with(""), client = client_with("");
  client.cert = "client";
  return {make_ctx(stage, server, true, report), make_ctx(stage, client, false, report)};
}

const char* kBothEnds = "attest-client = require\nattest-server = require";

TEST(Process, ManyThreadsEachWithItsOwnContexts) {
  Stage stage;
  Report r = in_forked(stage.conf(kBothEnds), [&](Report& report) {
    std::array<int, 8> good{};
    std::vector<std::thread> threads;
    for (int& n : good)
      threads.emplace_back([&stage, &n] {
        for (int i = 0; i < 10; i++) {
          Report ignored;
          Contexts c = contexts(stage, ignored);
          n += handshake(c.server.get(), c.client.get()) ? 1 : 0;
        }
      });
    for (auto& t : threads) t.join();
    int all = 0;
    for (int n : good) all += n;
    report["good"] = std::to_string(all);
  });
  EXPECT_EQ(r["good"], "80") << r["died"];
}

TEST(Process, ManyThreadsOnOnePairOfContexts) {
  Stage stage;
  Report r = in_forked(stage.conf(kBothEnds), [&](Report& report) {
    Contexts c = contexts(stage, report);
    std::atomic<int> good{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < 8; i++)
      threads.emplace_back([&] {
        for (int n = 0; n < 10; n++) good += handshake(c.server.get(), c.client.get()) ? 1 : 0;
      });
    for (auto& t : threads) t.join();
    report["good"] = std::to_string(good);
  });
  EXPECT_EQ(r["good"], "80") << r["died"];
}

TEST(Process, ForksAfterLoadAndAfterUse) {
  Stage stage;
  Report r = in_forked(stage.conf(kBothEnds), [&](Report& report) {
    Contexts c = contexts(stage, report);
    report["before"] = handshake(c.server.get(), c.client.get()) ? "1" : "0";
    int bad = 0;
    for (int i = 0; i < 4; i++)
      if (::fork() == 0) ::_exit(handshake(c.server.get(), c.client.get()) ? 0 : 1);
    for (int status = 0; ::wait(&status) > 0;) bad += status != 0;
    report["bad"] = std::to_string(bad);
    report["after"] = handshake(c.server.get(), c.client.get()) ? "1" : "0";
  });
  EXPECT_EQ(r["before"] + r["bad"] + r["after"], "101") << r["died"];
}

TEST(Process, LibraryContextOfItsOwnIsUnderTheHook) {
  Stage stage({}, false);
  Report r = in_forked(stage.conf(kRequire), [](Report& report) {
    OSSL_LIB_CTX* own = OSSL_LIB_CTX_new();
    OwnedCtx warm(SSL_CTX_new(TLS_client_method()));  // loads the configuration
    OwnedCtx ctx(SSL_CTX_new_ex(own, nullptr, TLS_client_method()));
    OwnedSsl ssl(SSL_new(ctx.get()));
    BIO* sink = BIO_new(BIO_s_mem());
    SSL_set_bio(ssl.get(), BIO_new(BIO_s_mem()), sink);
    SSL_connect(ssl.get());
    report["sent"] = BIO_pending(sink) > kAlert ? "1" : "0";
    report["errors"] = queue_text();
    ssl.reset();
    ctx.reset();
    OSSL_LIB_CTX_free(own);
  });
  EXPECT_EQ(r["sent"], "0") << r["died"];
  EXPECT_TRUE(has(r["errors"], "daemon.unreachable")) << r["errors"];
}

// The provider goes away before the objects it armed; later contexts are still under the hook.
TEST(Process, UnloadedProviderLeavesTheHookArmed) {
  Stage stage({}, false);
  std::string conf = stage.conf(kRequire);
  Report r = in_forked(kPlain, [&](Report& report) {
    OSSL_LIB_CTX* own = OSSL_LIB_CTX_new();
    report["load"] = std::to_string(OSSL_LIB_CTX_load_config(own, conf.c_str()));
    OwnedCtx before(SSL_CTX_new(TLS_client_method()));
    OwnedSsl ssl(SSL_new(before.get()));
    OSSL_LIB_CTX_free(own);
    ssl.reset();
    before.reset();
    OwnedCtx after(SSL_CTX_new(TLS_client_method()));
    OwnedSsl late(SSL_new(after.get()));
    BIO* sink = BIO_new(BIO_s_mem());
    SSL_set_bio(late.get(), BIO_new(BIO_s_mem()), sink);
    SSL_connect(late.get());
    report["sent"] = BIO_pending(sink) > kAlert ? "1" : "0";
    report["errors"] = queue_text();
  });
  EXPECT_EQ(r["load"], "1");
  EXPECT_EQ(r["sent"], "0") << r["died"];
  EXPECT_TRUE(has(r["errors"], "daemon.unreachable")) << r["errors"];
  EXPECT_EQ(r["died"], "");
}

SSL_CTX* late_ctx = nullptr;
SSL* late_ssl = nullptr;

TEST(Process, ObjectsFreedAfterOpensslItselfDoNotCrash) {
  Stage stage({}, false);
  for (bool freed : {true, false}) {
    Report r = in_forked(stage.conf(kRequire), [freed](Report&) {
#if defined(__SANITIZE_ADDRESS__)
      __lsan_disable();  // OpenSSL no longer calls our free functions then: the memory goes with the process
#endif
      if (freed)
        ::atexit([] {
          SSL_free(late_ssl);
          SSL_CTX_free(late_ctx);
        });
      late_ctx = SSL_CTX_new(TLS_client_method());
      late_ssl = SSL_new(late_ctx);
    });
    EXPECT_EQ(r["died"], "");
  }
}

TEST(Process, SecondConfigurationWithOtherDemandsIsRefused) {
  Stage stage({}, false);
  std::string other = stage.conf(kAttestOnly), same = stage.conf(kRequire);
  Report r = in_forked(stage.conf(kRequire), [&](Report& report) {
    OwnedCtx warm(SSL_CTX_new(TLS_client_method()));
    for (const auto& [name, conf] : {std::pair{"same", same}, std::pair{"other", other}}) {
      OSSL_LIB_CTX* own = OSSL_LIB_CTX_new();
      OSSL_LIB_CTX_load_config(own, conf.c_str());
      report[name] = std::to_string(OSSL_PROVIDER_available(own, "attest"));
      OSSL_LIB_CTX_free(own);
    }
  });
  EXPECT_EQ(r["same"], "1") << r["died"];
  EXPECT_EQ(r["other"], "0");
}

}  // namespace
}  // namespace attest::test
