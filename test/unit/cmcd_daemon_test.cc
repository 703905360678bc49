// A whole daemon over its socket, with a device that is none.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "cmcd-lite/server/sockets/listen_socket.h"
#include "evidence/core/file.h"
#include "evidence/core/hex.h"
#include "evidence/native/request.h"
#include "test/support/fake_driver.h"
#include "test/support/machine_daemon.h"

namespace attest {
namespace {

using namespace attest::test;

constexpr const char* kPolicy =
    R"({"peers": [{"name": "a.example", "ak_names": ["000b00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"]}]})";

class DaemonTest : public testing::Test {
 protected:
  void start() {
    machine_.put_policy("default", kPolicy);
    ASSERT_TRUE(machine_.start([this] { return device_.open(); }));
    ASSERT_TRUE(machine_.ready());
  }
  static BeginCall begin_call() { return {Role::client, Mode::require, "", "a.example", false}; }
  FakeDevice device_;
  Authority authority_;
  MachineDaemon machine_{authority_};
  TestCert web_ = leaf("web");
};

TEST_F(DaemonTest, GivesEvidenceOverAHandshake) {
  start();
  Connection connection = machine_.connect();
  Request request;
  request.header.nonce.fill(9);
  BinderInputs inputs = shake(Role::server, *encode_request(request), web_.der());
  for (int i = 0; i < 3; i++) {
    auto answer = connection.attest({inputs, 60000});
    ASSERT_TRUE(answer) << answer.error().what;
    auto evidence = decode_evidence(answer->evidence);
    ASSERT_TRUE(evidence);
    auto context = decode_context(evidence->context);
    ASSERT_TRUE(context);
    EXPECT_EQ(context->service, "me");
    EXPECT_EQ(context->role, Role::server);
    Digest hash = evidence_hash(*compute_binder(inputs), evidence->context);
    EXPECT_EQ(batch_qualifying_data(*merkle_root(hash, evidence->path)),
              Digest::of(std::get<SwAnchor>(evidence->anchors[0]).statement));
  }
}

TEST_F(DaemonTest, SilentPeersAreRefusedUnlessThePolicyOnlyObserves) {
  machine_.put_policy("watch", std::string(R"({"observe": true, )") + (kPolicy + 1));
  start();
  auto judge = [&](Mode mode, const std::string& policy) {
    Connection connection = machine_.connect();
    BeginCall call = begin_call();
    call.mode = mode;
    call.policy = policy;
    auto begun = connection.begin(call);
    EXPECT_TRUE(begun) << begun.error().what;
    auto answer = connection.judge(
        {begun->handle, shake(Role::server, begun->request, web_.der()), {}, "a.example", false});
    EXPECT_TRUE(answer) << answer.error().what;
    EXPECT_EQ(answer->name, "peer.silent");
    EXPECT_NE(answer->text.find("attestctl explain " + std::to_string(answer->verdict_id)),
              std::string::npos);
    return answer->outcome;
  };
  EXPECT_EQ(judge(Mode::require, ""), JudgeOutcome::refused);
  EXPECT_EQ(judge(Mode::require, "default"), JudgeOutcome::refused);
  EXPECT_EQ(judge(Mode::prefer, ""), JudgeOutcome::observed);
  EXPECT_EQ(judge(Mode::require, "watch"), JudgeOutcome::observed);
  EXPECT_NE(
      machine_.control(R"({"op":"status"})").find(R"("verdicts":{"accepted":0,"refused":2,"observed":2)"),
      std::string::npos);
}

TEST_F(DaemonTest, APolicyThatIsNotThereIsAnErrorAtBegin) {
  start();
  BeginCall call = begin_call();
  call.policy = "weber";
  auto begun = machine_.connect().begin(call);
  ASSERT_FALSE(begun);
  EXPECT_NE(begun.error().what.find("daemon.policy: no policy \"weber\""), std::string::npos)
      << begun.error().what;
}

TEST_F(DaemonTest, ExplainKeepsWhatWasRefused) {
  start();
  EXPECT_NE(machine_.control(R"({"op":"explain"})").find("verdict.unknown"), std::string::npos);
  Connection connection = machine_.connect();
  std::uint64_t first = 0;
  for (int i = 0; i < 3; i++) {
    auto begun = connection.begin(begin_call());
    auto answer =
        connection.judge({begun->handle, shake(Role::server, begun->request, web_.der()), {}, "", false});
    ASSERT_TRUE(answer);
    if (i == 0) first = answer->verdict_id;
    EXPECT_EQ(answer->verdict_id, first + static_cast<std::uint64_t>(i));
  }
  std::string json = machine_.control(R"({"op":"explain","id":)" + std::to_string(first) + "}");
  EXPECT_EQ(member_text(json, "peer"), "a.example") << "the name of Begin counts where judge gives none";
  EXPECT_EQ(member_text(json, "name"), "peer.silent");
  EXPECT_EQ(member_text(json, "outcome"), "refused");
  EXPECT_EQ(member_text(json, "role"), "server");
  EXPECT_EQ(member_text(json, "policy"), "default");
  EXPECT_NE(member_raw(json, "appraisal").find("peer.silent"), std::string::npos);
  EXPECT_NE(member_raw(json, "caller").find("\"uid\":0"), std::string::npos);
  EXPECT_NE(machine_.control(R"({"op":"explain"})").find("\"id\":" + std::to_string(first + 2)),
            std::string::npos);
  std::string last = machine_.control(R"({"op":"verdicts","count":2})");
  EXPECT_NE(last.find("\"id\":" + std::to_string(first + 2)), std::string::npos);
  EXPECT_EQ(last.find("\"id\":" + std::to_string(first) + ","), std::string::npos);
  EXPECT_NE(machine_.control(R"({"op":"explain","id":99})").find("verdict.unknown"), std::string::npos);
}

TEST_F(DaemonTest, EveryVerdictIsALineOfTheAuditLogAndNumbersGoOn) {
  start();
  auto refuse = [&] {
    Connection connection = machine_.connect();
    auto begun = connection.begin(begin_call());
    return connection.judge({begun->handle, shake(Role::server, begun->request, web_.der()), {}, "", false})
        ->verdict_id;
  };
  std::uint64_t id = refuse();
  refuse();
  machine_.stop();
  auto text = attest::read_file(machine_.path("audit.jsonl"), 1 << 20);
  ASSERT_TRUE(text);
  EXPECT_EQ(std::ranges::count(*text, '\n'), 2);
  EXPECT_TRUE(as_text(*text).starts_with("{\"id\":" + std::to_string(id) + ",\"when\":"));
  struct stat info {};
  ASSERT_EQ(::stat(machine_.path("audit.jsonl").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0600U);
  ASSERT_TRUE(machine_.start([this] { return device_.open(); }));
  EXPECT_EQ(refuse(), id + 2) << "after a restart the numbers go on";
}

TEST_F(DaemonTest, AFullDiskDoesNotStopJudging) {
  machine_.members = "\"audit_log\": \"/dev/full\",";
  start();
  Connection connection = machine_.connect();
  auto begun = connection.begin(begin_call());
  auto answer =
      connection.judge({begun->handle, shake(Role::server, begun->request, web_.der()), {}, "", false});
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->name, "peer.silent");
  std::string status = machine_.control(R"({"op":"status"})");
  EXPECT_NE(status.find(R"("audit":{"lost":1,"problem":"No space left on device"})"), std::string::npos)
      << status;
  EXPECT_NE(status.find("audit.lost: 1 verdicts"), std::string::npos);
}

TEST_F(DaemonTest, StatusSaysWhatMatters) {
  start();
  std::string status = machine_.control(R"({"op":"status"})");
  EXPECT_TRUE(status.starts_with("{\"ok\":true,")) << status;
  EXPECT_EQ(member_text(status, "version"), ATTEST_VERSION);
  std::string tpm = member_raw(status, "tpm");
  EXPECT_EQ(member_text(tpm, "state"), "ready");
  EXPECT_EQ(member_text(tpm, "driver"), "sw");
  EXPECT_EQ(member_text(tpm, "ak_name"), to_hex(as_view(kFakeIdentity)));
  EXPECT_NE(member_raw(status, "policies").find("\"name\":\"default\""), std::string::npos);
  EXPECT_NE(member_raw(status, "warnings").find("caller.raw"), std::string::npos);
  EXPECT_NE(member_raw(status, "sockets").find(machine_.socket()), std::string::npos);
  EXPECT_NE(machine_.control(R"({"op":"status","x":1})").find("unknown key"), std::string::npos);
  EXPECT_NE(machine_.control(R"({"op":"stat"})").find("unknown"), std::string::npos);
  EXPECT_NE(machine_.control("[]").find("error"), std::string::npos);
}

TEST_F(DaemonTest, KeysAreMadeListedUsedAndRemoved) {
  start();
  std::string made = machine_.control(R"({"op":"key.create","name":"web","algorithm":"ec-p256"})");
  EXPECT_EQ(member_text(made, "algorithm"), "ec-p256") << made;
  EXPECT_NE(member_text(made, "reference").find("BEGIN ATTEST KEY REFERENCE"), std::string::npos);
  EXPECT_NE(machine_.control(R"({"op":"key.create","name":"web"})").find("key.exists"), std::string::npos);
  EXPECT_NE(machine_.control(R"({"op":"key.create","name":"../web"})").find("error"), std::string::npos);
  Connection connection = machine_.connect();
  auto key = connection.key({"web"});
  ASSERT_TRUE(key) << key.error().what;
  EXPECT_EQ(to_base64(key->spki_der), member_text(made, "spki"));
  std::string content =
      std::string(64, ' ') + "TLS 1.3, server CertificateVerify" + '\0' + std::string(32, 'h');
  auto signature = connection.sign({"web", 0x0403, to_bytes(as_view(content))});
  ASSERT_TRUE(signature) << signature.error().what;
  EXPECT_GT(signature->signature.size(), 60U);
  EXPECT_TRUE(machine_.control(R"({"op":"key.remove","name":"web"})").starts_with("{\"ok\":true"));
  EXPECT_NE(connection.sign({"web", 0x0403, to_bytes(as_view(content))}).error().what.find("key.unknown"),
            std::string::npos);
  EXPECT_EQ(member_raw(machine_.control(R"({"op":"key.list"})"), "keys"), "[]");
}

TEST_F(DaemonTest, ReloadIsAllOrNothing) {
  start();
  machine_.put_policy("second", kPolicy);
  machine_.write("policies/third.json", std::string("{\n\"nonsense\": 1, ") + (kPolicy + 1));
  std::string refused = machine_.control(R"({"op":"reload"})");
  EXPECT_NE(refused.find("third.json:2"), std::string::npos) << refused;
  EXPECT_EQ(member_raw(machine_.control(R"({"op":"status"})"), "policies").find("second"), std::string::npos)
      << "the old state stays whole";
  EXPECT_NE(machine_.log().find("reload refused"), std::string::npos);
  std::filesystem::remove(machine_.path("policies/third.json"));
  EXPECT_TRUE(machine_.control(R"({"op":"reload"})").starts_with("{\"ok\":true"));
  EXPECT_NE(member_raw(machine_.control(R"({"op":"status"})"), "policies").find("second"), std::string::npos);
  machine_.write("cmcd.json", "{ broken");
  EXPECT_NE(machine_.control(R"({"op":"reload"})").find("cmcd.json:1"), std::string::npos);
  EXPECT_NE(member_raw(machine_.control(R"({"op":"status"})"), "policies").find("second"), std::string::npos);
}

TEST_F(DaemonTest, ReloadOpensAndClosesSockets) {
  start();
  std::string extra = machine_.path("second.sock");
  auto configure = [&](const std::string& sockets) {
    std::string config = machine_.write_config();
    std::string text(as_text(*attest::read_file(config, 1 << 20)));
    std::string one = "\"sockets\": [{\"path\": \"" + machine_.socket() + "\"}]";
    ASSERT_NE(text.find(one), std::string::npos);
    text.replace(text.find(one), one.size(), "\"sockets\": [" + sockets + "]");
    machine_.write("cmcd.json", text);
  };
  std::string first = "{\"path\": \"" + machine_.socket() + "\"}";
  configure(first + ", {\"path\": \"" + extra + "\", \"mode\": \"0600\"}");
  EXPECT_TRUE(machine_.control(R"({"op":"reload"})").starts_with("{\"ok\":true"));
  ClientOptions options;
  options.socket = extra;
  auto second = Connection::open(options);
  ASSERT_TRUE(second) << second.error().what;
  EXPECT_TRUE(second->control(R"({"op":"status"})", std::chrono::seconds(5)));
  struct stat info {};
  ASSERT_EQ(::stat(extra.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0600U);
  configure(first + ", {\"path\": \"/nowhere/at/all.sock\"}");
  EXPECT_NE(machine_.control(R"({"op":"reload"})").find("/nowhere/at/all.sock"), std::string::npos);
  EXPECT_TRUE(Connection::open(options)) << "a socket that cannot be opened changes nothing";
  configure(first);
  EXPECT_TRUE(machine_.control(R"({"op":"reload"})").starts_with("{\"ok\":true"));
  EXPECT_FALSE(Connection::open(options));
}

TEST_F(DaemonTest, OneDaemonAloneUsesAFolder) {
  start();
  Daemon::Options options;
  options.config = machine_.path("cmcd.json");
  auto second = Daemon::make(std::move(options));
  ASSERT_FALSE(second);
  EXPECT_NE(second.error().what.find("another cmcd-lite"), std::string::npos);
}

TEST_F(DaemonTest, AStaleSocketFileIsReplacedAForeignOneIsNot) {
  machine_.write("attest.sock", "a file");
  machine_.put_policy("default", kPolicy);
  Daemon::Options options;
  options.config = machine_.write_config();
  auto refused = Daemon::make(options);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().what.find("no socket"), std::string::npos);
  std::filesystem::remove(machine_.socket());
  {
    auto left = listen_unix(machine_.socket(), 0600);
    ASSERT_TRUE(left);
  }
  start();
  EXPECT_TRUE(machine_.control(R"({"op":"status"})").starts_with("{\"ok\""));
}

}  // namespace
}  // namespace attest
