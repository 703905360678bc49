// The daemon as a process: readiness, signals, isolation from openssl.cnf, death and return.
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <fstream>

#include "cmcd-lite/server/process/notify.h"
#include "evidence/core/file.h"
#include "evidence/metadata/manifest.h"
#include "test/support/machine_daemon.h"
#include "test/support/measured_machine.h"

namespace attest {
namespace {

using namespace attest::test;
using namespace std::chrono_literals;

constexpr const char* kDaemon = ATTEST_BINARY_DIR "/cmcd-lite/server/cmcd-lite";
constexpr const char* kPolicy =
    R"({"peers": [{"name": "a.example", "ak_names": ["000b00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"]}]})";

// NotifySocket is a service manager's end of NOTIFY_SOCKET.
class NotifySocket {
 public:
  explicit NotifySocket(const std::string& name) : fd_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    name.copy(address.sun_path, sizeof address.sun_path - 1);
    if (name[0] == '@') address.sun_path[0] = '\0';
    auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
    EXPECT_EQ(::bind(fd_.get(), reinterpret_cast<const sockaddr*>(&address), size), 0);
    timeval term{10, 0};
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &term, sizeof term);
    ::setenv("NOTIFY_SOCKET", name.c_str(), 1);
  }
  ~NotifySocket() { ::unsetenv("NOTIFY_SOCKET"); }
  std::string next() {
    char buffer[512];
    ssize_t n = ::recv(fd_.get(), buffer, sizeof buffer, 0);
    return n > 0 ? std::string(buffer, static_cast<std::size_t>(n)) : "nothing";
  }

 private:
  OwnedFd fd_;
};

class Process : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(::access(kDaemon, X_OK), 0) << kDaemon << " is not built";
    machine_.put_policy("default", kPolicy);
    machine_.members = "\"sw\": {},";
  }
  Child start() {
    return Child::start({kDaemon, "--config", machine_.write_config()}, machine_.path("daemon.log"));
  }
  std::string log() {
    auto text = attest::read_file(machine_.path("daemon.log"), 1 << 20);
    return text ? std::string(as_text(*text)) : "";
  }
  // serves waits until the daemon answers on its socket.
  bool serves(const std::string& state = "ready") {
    ClientOptions options;
    options.socket = machine_.socket();
    for (int i = 0; i < 500; i++) {
      auto connection = Connection::open(options);
      auto status = connection ? connection->control(R"({"op":"status"})", 5s)
                               : Result<std::string>(connection.error());
      if (status && member_text(member_raw(*status, "tpm"), "state") == state) return true;
      std::this_thread::sleep_for(20ms);
    }
    return false;
  }
  Authority authority_;
  MachineDaemon machine_{authority_};
};

TEST_F(Process, TellsTheServiceManagerByPath) {
  NotifySocket manager(machine_.path("notify"));
  Child daemon = start();
  EXPECT_TRUE(manager.next().starts_with("READY=1\n")) << log();
  machine_.put_policy("second", kPolicy);
  ::kill(daemon.pid(), SIGHUP);
  EXPECT_TRUE(manager.next().starts_with("RELOADING=1\nMONOTONIC_USEC="));
  EXPECT_EQ(manager.next(), "READY=1\n");
  EXPECT_NE(machine_.control(R"({"op":"status"})").find("\"name\":\"second\""), std::string::npos);
  int status = daemon.stop();
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
  EXPECT_EQ(manager.next(), "STOPPING=1\n");
  EXPECT_FALSE(std::filesystem::exists(machine_.socket())) << "it takes its socket away";
}

TEST_F(Process, TellsTheServiceManagerByAbstractName) {
  NotifySocket manager("@attest-test-" + std::to_string(getpid()));
  Child daemon = start();
  EXPECT_TRUE(manager.next().starts_with("READY=1\n")) << log();
}

TEST(Notify, IsQuietWithoutAManagerAndSaysWhatIsWrong) {
  ::unsetenv("NOTIFY_SOCKET");
  EXPECT_TRUE(notify_manager("READY=1"));
  ::setenv("NOTIFY_SOCKET", "relative", 1);
  EXPECT_EQ(notify_manager("READY=1").error().code, Errc::malformed);
  ::setenv("NOTIFY_SOCKET", "/nowhere/notify", 1);
  EXPECT_EQ(notify_manager("READY=1").error().code, Errc::io);
  ::setenv("NOTIFY_SOCKET", ("/" + std::string(200, 'x')).c_str(), 1);
  EXPECT_EQ(notify_manager("READY=1").error().code, Errc::malformed);
  ::unsetenv("NOTIFY_SOCKET");
}

TEST_F(Process, NeverReadsOpensslCnf) {
  machine_.write("openssl.cnf",
                 "openssl_conf = init\nconfig_diagnostics = 1\n[init]\nproviders = p\n[p]\nnothing = "
                 "n\n[n]\nmodule = /nowhere.so\nactivate = 1\n");
  ::setenv("OPENSSL_CONF", machine_.path("openssl.cnf").c_str(), 1);
  Child daemon = start();
  EXPECT_TRUE(serves()) << log();
  ::unsetenv("OPENSSL_CONF");
}

TEST_F(Process, GivesNothingAway) {
  Child daemon = start();
  ASSERT_TRUE(serves()) << log();
  std::ifstream limits("/proc/" + std::to_string(daemon.pid()) + "/limits");
  std::string line, core;
  while (std::getline(limits, line))
    if (line.starts_with("Max core file size")) core = line;
  EXPECT_NE(core.find(" 0 "), std::string::npos) << core;
  for (const char* file : {"audit.jsonl", "sw.key", "lock"}) {
    auto mode = std::filesystem::status(machine_.path(file)).permissions();
    EXPECT_EQ(mode & std::filesystem::perms(077), std::filesystem::perms::none) << file;
  }
}

TEST_F(Process, CheckConfigJudgesTheFileAlone) {
  std::string config = machine_.write_config();
  EXPECT_EQ(run({kDaemon, "--check-config", "--config", config}), 0);
  machine_.write("bad.json", "{\n\"sockets\": [{\"path\": \"/run/a\"}],\n\"colour\": 1}");
  EXPECT_EQ(
      run({kDaemon, "--check-config", "--config", machine_.path("bad.json")}, machine_.path("daemon.log")),
      1);
  EXPECT_NE(log().find("bad.json:3"), std::string::npos) << log();
  EXPECT_EQ(run({kDaemon, "--config", machine_.path("bad.json")}), 1);
  EXPECT_EQ(run({kDaemon, "--version"}, machine_.path("daemon.log")), 0);
  EXPECT_NE(log().find(ATTEST_VERSION), std::string::npos);
}

TEST_F(Process, StartsWithoutTheTpmAndSaysSo) {
  machine_.members = "\"tpm\": {\"tcti\": \"swtpm:path=" + machine_.path("none").string() +
                     "\", \"event_log\": \"\", \"ima_list\": \"\"},";
  Child daemon = start();
  ASSERT_TRUE(serves("unavailable")) << log();
  EXPECT_NE(log().find("tpm.unavailable"), std::string::npos);
  EXPECT_NE(machine_.control(R"({"op":"status"})").find("tpm.unavailable"), std::string::npos);
  EXPECT_NE(machine_.control(R"({"op":"generate","nonce":"00"})").find("tpm.unavailable"), std::string::npos);
}

TEST_F(Process, KilledAndStartedAgainItIsTheSameMachine) {
  auto tpm = Swtpm::start();
  ASSERT_TRUE(tpm);
  auto measured = MeasuredMachine::replay(*tpm, "tis", 10);
  ASSERT_TRUE(measured);
  machine_.members = "\"tpm\": {\"tcti\": \"" + tpm->tcti() + "\", \"event_log\": \"" +
                     measured->event_log() + "\", \"ima_list\": \"" + measured->ima_list() + "\"},";
  std::string name;
  for (int i = 0; i < 3; i++) {
    Child daemon = start();
    ASSERT_TRUE(serves()) << log();
    Connection connection = machine_.connect();
    std::string status = *connection.control(R"({"op":"status"})", 5s);
    std::string ak = member_text(member_raw(status, "tpm"), "ak_name");
    EXPECT_EQ(member_text(member_raw(status, "tpm"), "problem"), "");
    EXPECT_TRUE(i == 0 || ak == name) << ak;
    name = ak;
    EXPECT_TRUE(connection.control(R"({"op":"generate","nonce":"0102"})", 30s));
    daemon.kill();
    EXPECT_FALSE(connection.control(R"({"op":"status"})", 5s))
        << "a caller of a dead daemon gets an error, not silence";
  }
}

TEST_F(Process, UnitFileIsSound) {
  if (::access("/usr/bin/systemd-analyze", X_OK) != 0) GTEST_SKIP() << "systemd-analyze is not installed";
  auto unit = attest::read_file(ATTEST_SOURCE_DIR "/conf/systemd/cmcd-lite.service", 1 << 16);
  ASSERT_TRUE(unit);
  std::string text(as_text(*unit));
  std::size_t at = text.find("/usr/sbin/cmcd-lite");
  ASSERT_NE(at, std::string::npos);
  machine_.write("cmcd-lite.service",
                 text.replace(at, std::string_view("/usr/sbin/cmcd-lite").size(), kDaemon));
  EXPECT_EQ(run({"systemd-analyze", "verify", "--man=no", machine_.path("cmcd-lite.service")},
                machine_.path("daemon.log")),
            0)
      << log();
  EXPECT_EQ(log(), "") << "verify warns of lines it does not know";
}

// rss reads the resident memory of a process in KiB.
long rss(pid_t pid) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  std::string line;
  while (std::getline(status, line))
    if (line.starts_with("VmRSS:")) return std::stol(line.substr(6));
  return -1;
}

TEST_F(Process, MemoryIsBoundedAndFlat) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "sanitizers have a memory of their own";
#endif
  auto tpm = Swtpm::start();
  ASSERT_TRUE(tpm);
  auto measured = MeasuredMachine::replay(*tpm, "crb");
  ASSERT_TRUE(measured);
  for (int i = 0; i < 8437; i++)
    ASSERT_TRUE(measured->measure_file("/usr/lib/x86_64-linux-gnu/file-" + std::to_string(i) + ".so"));
  machine_.members = "\"tpm\": {\"tcti\": \"" + tpm->tcti() + "\", \"event_log\": \"" +
                     measured->event_log() + "\", \"ima_list\": \"" + measured->ima_list() + "\"},";
  Child daemon = start();
  ASSERT_TRUE(serves()) << log();
  std::string components = member_raw(machine_.control(R"({"op":"reference"})"), "components");
  ASSERT_GT(std::ranges::count(components, '{'), 10000);
  daemon.stop();
  auto references = parse_components(as_view(components));
  ASSERT_TRUE(references) << references.error().what;
  machine_.put_metadata("all", authority_.sign(make_manifest("all", {"all"}, std::move(*references))));
  machine_.put_metadata("image", authority_.sign(make_image("image", {"all"})));
  daemon = start();
  ASSERT_TRUE(serves()) << log();
  Connection connection = machine_.connect();
  std::string ak = member_text(member_raw(*connection.control(R"({"op":"status"})", 5s), "tpm"), "ak_name");
  machine_.put_policy("default", R"({"ima": true, "peers": [{"name": "a.example", "ak_names": [")" + ak +
                                     R"("], "image_descriptions": ["image"]}]})");
  ASSERT_TRUE(connection.control(R"({"op":"reload"})", 30s));
  TestCert web = leaf("a.example");
  auto meet = [&] {
    auto begun = connection.begin({Role::client, Mode::require, "", "a.example", true});
    BinderInputs inputs = shake(Role::server, begun->request, web.der());
    auto attested = connection.attest({inputs, 65000});
    ASSERT_TRUE(attested) << attested.error().what;
    EXPECT_LT(attested->evidence.size(), 4000U);
    auto judged = connection.judge({begun->handle, inputs, attested->evidence, "a.example", true});
    ASSERT_TRUE(judged) << judged.error().what;
    ASSERT_EQ(judged->outcome, JudgeOutcome::accepted) << judged->name << ": " << judged->text;
  };
  for (int i = 0; i < 200; i++) meet();
  long early = rss(daemon.pid());
  for (int i = 0; i < 400; i++) meet();
  long late = rss(daemon.pid());
  std::printf("resident: %ld KiB after 200, %ld KiB after 600 handshakes\n", early, late);
  EXPECT_LT(late - early, 1024);
  EXPECT_LT(late, 22 * 1024);  // the aim is 20 MiB, which make bench shows; programs and libraries mapped count here too
}

}  // namespace
}  // namespace attest
