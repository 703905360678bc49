// CMC reports as evidence of handshakes: taken where a policy says so, and what must not pass for one.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <filesystem>
#include <thread>

#include "evidence/cmc/report.h"
#include "evidence/core/fd.h"
#include "evidence/core/file.h"
#include "evidence/core/hex.h"
#include "evidence/native/request.h"
#include "test/support/child.h"
#include "test/support/cmc_machine.h"

namespace attest {
namespace {

using namespace attest::test;
using cmc::Encoding;

constexpr std::uint32_t kRoom = 1 << 20;
const std::string kGivesNothing = R"(, "handshakes": {})";

// One machine on both ends: its daemon gives reports and judges them.
class ReportHandshake : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(machine_.good());
    // Without register 10: a boot's list of files would not fit into a handshake.
    daemon_.members = "\"tpm\": {\"tcti\": \"" + machine_.machine.tpm->tcti() + "\", \"event_log\": \"" +
                      machine_.machine.measured->event_log() + "\", \"ima_list\": \"" + machine_.machine.measured->ima_list() +
                      "\", \"pcrs\": [0,1,2,3,4,5,6,7,8,9]},\n\"ima_entries\": \"anyone\",\n";
    ASSERT_TRUE(machine_.start(kGivesNothing)) << daemon_.log();
    auto ak = read_certificates(daemon_.path("ak.pem").string());
    ASSERT_TRUE(ak) << ak.error().what;
    key_ = to_hex(spki_sha256(ak->front())->view());
    put_rule("");
  }
  void put_rule(const std::string& members) {
    daemon_.put_policy("default", R"({"ak_issuers": ["../signers.pem"], "peers": [{"name": "a.example", "image_descriptions": ["test-image"])" +
                                      members + R"(}, {"name": "*", "role": "client", "image_descriptions": ["test-image"]}]})");
  }
  // configure sets what cmcd.json says of handshakes and has it read.
  void configure(const std::string& give, const std::string& native, const std::string& key) {
    std::string wanted = R"(, "handshakes": {"give": ")" + give + R"(", "take": [{"policy": "default", "native": ")" + native +
                         R"(", "keys": [")" + key + R"("]}]})";
    std::size_t at = daemon_.members.find(now_);
    ASSERT_NE(at, std::string::npos);
    daemon_.members.replace(at, now_.size(), wanted);
    now_ = wanted;
    daemon_.write_config();
    std::string done = daemon_.control(R"({"op":"reload"})");
    ASSERT_TRUE(done.starts_with("{\"ok\"")) << done;
  }
  // Shaken is a handshake between its request and its verdict.
  struct Shaken {
    BeginAnswer begun;
    BinderInputs inputs;
  };
  Shaken begin(Connection& judge, Role prover) {
    auto begun = judge.begin({other(prover), Mode::require, "", "a.example", true});
    EXPECT_TRUE(begun) << begun.error().what;
    return begun ? Shaken{*begun, shake(prover, begun->request, web_.der())} : Shaken{};
  }
  Result<Bytes> give(const BinderInputs& inputs, std::uint32_t room = kRoom) {
    Connection prover = daemon_.connect();
    TRY(AttestAnswer answer, prover.attest({inputs, room}));
    return std::move(answer.evidence);
  }
  JudgeAnswer judged(Connection& judge, const Shaken& shaken, const Bytes& evidence) {
    auto answer = judge.judge({shaken.begun.handle, shaken.inputs, evidence, "a.example", true});
    EXPECT_TRUE(answer) << answer.error().what;
    return answer ? *answer : JudgeAnswer{};
  }
  // refused: the name under which evidence is refused in a handshake that began as it should.
  std::string refused(const std::function<Bytes(const BinderInputs&)>& make, Role prover = Role::server) {
    Connection judge = daemon_.connect();
    Shaken shaken = begin(judge, prover);
    JudgeAnswer answer = judged(judge, shaken, make(shaken.inputs));
    return answer.outcome == JudgeOutcome::refused ? answer.name : "accepted";
  }
  // program starts attest-demo, a program in plain OpenSSL, with the module and these lines in its openssl.cnf.
  std::vector<std::string> program(const std::string& name, const std::string& lines, std::vector<std::string> args) {
    daemon_.write(name + ".cnf", "openssl_conf = m\n[m]\nproviders = p\n[p]\nattest = a\n[a]\nmodule = " ATTEST_BINARY_DIR
                                 "/provider/attest.so\nactivate = 1\nattest-socket = " + daemon_.socket() +
                                 "\nattest-connect-ms = 40000\nattest-quote-ms = 40000\nattest-judge-ms = 40000\n" + lines + "\n");
    std::vector<std::string> argv{"env", "OPENSSL_CONF=" + daemon_.path(name + ".cnf").string(), demo_};
    argv.insert(argv.end(), args.begin(), args.end());
    return argv;
  }
  static bool answers(int port) {
    OwnedFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(static_cast<std::uint16_t>(port));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return ::connect(fd.get(), reinterpret_cast<sockaddr*>(&to), sizeof to) == 0;
  }
  static int free_port() {
    OwnedFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof at;
    bool bound = ::bind(fd.get(), reinterpret_cast<sockaddr*>(&at), size) == 0 &&
                 ::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&at), &size) == 0;
    EXPECT_TRUE(bound);
    return ntohs(at.sin_port);
  }
  Bytes wrapped(const Bytes& nonce) {
    auto report = machine_.attest(Encoding::cbor, nonce);
    EXPECT_TRUE(report) << report.error().what;
    return report ? encode_report_evidence(*report) : Bytes();
  }

  Authority authority_;
  CmcMachine machine_{authority_, "tis"};
  MachineDaemon& daemon_ = machine_.machine.daemon;
  TestCert web_ = leaf("a.example");
  std::string key_, now_ = kGivesNothing;
  const std::string demo_ = ATTEST_BINARY_DIR "/apps/attest-demo/attest-demo";
};

TEST_F(ReportHandshake, ProgramsUnderTheModuleProveThemselvesToEachOther) {
  if (!std::filesystem::exists(demo_)) GTEST_SKIP() << "attest-demo was not built";
  daemon_.write("web.pem", web_.pem());
  daemon_.write("web.key", web_.key_pem());
  std::string cert = daemon_.path("web.pem"), key = daemon_.path("web.key");
  for (const char* form : {"cbor", "json"}) {
    configure(form, "refused", key_);
    int port = free_port();
    std::string at = "127.0.0.1:" + std::to_string(port), log = daemon_.path("server.log"), said = daemon_.path("client.log");
    Child server = Child::start(program("server", "attest-server = require\nattest-client = off", {"server", at, cert, key}), log);
    for (int i = 0; i < 3000 && !answers(port); i++) std::this_thread::sleep_for(std::chrono::milliseconds(10));
    int code = test::run(program("client", "attest-client = require\nattest-x509-name-checked = yes", {"client", at, "a.example", cert, cert, key}), said);
    std::string text = std::string(as_text(*read_file(said, 1 << 20))) + std::string(as_text(*read_file(log, 1 << 20)));
    EXPECT_EQ(code, 0) << text << daemon_.control(R"({"op":"explain","id":0})");
    EXPECT_NE(text.find("hello over TLSv1.3"), std::string::npos) << text;
  }
  std::string verdicts = daemon_.control(R"({"op":"verdicts","count":9})");
  std::size_t accepted = 0;
  for (std::size_t i = 0; (i = verdicts.find("\"accepted\"", i)) != verdicts.npos; i++) accepted++;
  EXPECT_EQ(accepted, 4u) << verdicts;
}

TEST_F(ReportHandshake, ReportsAreTakenOfBothRolesInBothSerialisations) {
  for (const char* form : {"cbor", "json"}) {
    configure(form, "refused", key_);
    for (Role prover : {Role::server, Role::client}) {
      Connection judge = daemon_.connect();
      Shaken shaken = begin(judge, prover);
      auto evidence = give(shaken.inputs);
      ASSERT_TRUE(evidence) << evidence.error().what;
      ASSERT_EQ(profile_of(*evidence), Profile::cmc);
      EXPECT_EQ(cmc::decode_report(*decode_report_evidence(*evidence))->encoding,
                std::string(form) == "json" ? Encoding::json : Encoding::cbor);
      JudgeAnswer answer = judged(judge, shaken, *evidence);
      EXPECT_EQ(answer.outcome, JudgeOutcome::accepted) << answer.name << ": " << answer.text;
      std::string told = daemon_.control(R"({"op":"explain","id":)" + std::to_string(answer.verdict_id) + "}");
      EXPECT_NE(told.find("quote.not-fresh"), std::string::npos) << "the checks have names: " << told;
      EXPECT_NE(told.find("test-image"), std::string::npos) << told;
    }
  }
}

TEST_F(ReportHandshake, OnlyWhatAPolicyTakesIsAskedForAndNativeComesFirst) {
  configure("cbor", "accepted", key_);
  Connection judge = daemon_.connect();
  Shaken shaken = begin(judge, Role::server);
  EXPECT_EQ(decode_request(shaken.begun.request)->profiles, (std::vector<std::uint8_t>{0, 1}));
  auto evidence = give(shaken.inputs);
  ASSERT_TRUE(evidence) << evidence.error().what;
  EXPECT_EQ(profile_of(*evidence), Profile::native);
  daemon_.put_policy("plain", R"({"ak_issuers": ["../signers.pem"], "peers": [{"name": "a.example", "image_descriptions": ["x"]}]})");
  ASSERT_TRUE(daemon_.control(R"({"op":"reload"})").starts_with("{\"ok\""));
  auto begun = judge.begin({Role::client, Mode::require, "plain", "a.example", true});
  ASSERT_TRUE(begun) << begun.error().what;
  EXPECT_TRUE(decode_request(begun->request)->profiles.empty());
  Bytes report = encode_report_evidence(as_view("report"));
  auto answer = judge.judge({begun->handle, shake(Role::server, begun->request, web_.der()), report, "a.example", true});
  ASSERT_TRUE(answer) << answer.error().what;
  EXPECT_EQ(answer->name, "evidence.unsupported") << answer->text;
}

TEST_F(ReportHandshake, AReportOfTheApiNeverServesInAHandshakeNorTheOtherWayRound) {
  configure("cbor", "refused", key_);
  EXPECT_EQ(refused([&](const BinderInputs&) { return wrapped(Bytes(32, 7)); }), "quote.not-fresh");
  EXPECT_EQ(refused([&](const BinderInputs& i) { return wrapped(to_bytes(compute_binder(i)->view())); }), "quote.not-fresh");
  Connection judge = daemon_.connect();
  Shaken shaken = begin(judge, Role::server);
  Bytes nonce = report_nonce(*compute_binder(shaken.inputs));
  EXPECT_FALSE(machine_.attest(Encoding::cbor, nonce)) << "the API makes none";
  auto evidence = give(shaken.inputs);
  ASSERT_TRUE(evidence) << evidence.error().what;
  Bytes report = to_bytes(*decode_report_evidence(*evidence));
  EXPECT_FALSE(machine_.verify(Encoding::json, nonce, report, "")) << "and judges none";
  EXPECT_EQ(judged(judge, shaken, *evidence).outcome, JudgeOutcome::accepted);
}

TEST_F(ReportHandshake, AReportOfAnotherHandshakeOrOfTheOtherRoleIsRefused) {
  configure("cbor", "refused", key_);
  const std::function<void(BinderInputs&)> bends[] = {[](BinderInputs& i) { i.server_random[0] ^= 1; },
                                                     [](BinderInputs& i) { i.secret_tag[0] ^= 1; },
                                                     [](BinderInputs& i) { i.leaf_der = leaf("mallory").der(); }};
  for (const auto& bend : bends)
    EXPECT_EQ(refused([&](BinderInputs inputs) {
                bend(inputs);
                return *give(inputs);
              }),
              "quote.not-fresh");
  EXPECT_EQ(refused([&](BinderInputs inputs) {  // reflected: made by the judging side for its own role
              inputs.prover = Role::server;
              inputs.reply.assign(kReply.begin(), kReply.end());
              return *give(inputs);
            },
                    Role::client),
            "quote.not-fresh");
}

TEST_F(ReportHandshake, AProfileCannotBeDowngraded) {
  configure("cbor", "refused", key_);
  auto stripped = [&](BinderInputs inputs) {
    Request request = *decode_request(inputs.request);
    request.profiles.clear();
    inputs.request = *encode_request(request);
    Bytes native = *give(inputs);
    EXPECT_EQ(profile_of(native), Profile::native);
    return native;
  };
  EXPECT_EQ(refused(stripped), "evidence.unsupported") << "native evidence, which nobody asked for";
  configure("cbor", "accepted", key_);
  EXPECT_EQ(refused(stripped), "quote.not-fresh") << "the request that was answered is not the one that was sent";
  EXPECT_EQ(refused([&](BinderInputs inputs) {
              Request request = *decode_request(inputs.request);
              request.profiles = {1, 0};
              inputs.request = *encode_request(request);
              return *give(inputs);
            }),
            "quote.not-fresh");
}

TEST_F(ReportHandshake, KeysThatAreNotListedAndRulesThatReportsCannotMeetRefuse) {
  auto honest = [&](const BinderInputs& inputs) { return *give(inputs); };
  configure("cbor", "refused", std::string(64, 'a'));
  EXPECT_EQ(refused(honest), "ak.untrusted");
  for (const auto& [members, name] : {std::pair{R"(, "services": ["nginx"])", "peer.service-not-allowed"},
                                      std::pair{R"(, "tls_key": "certified")", "key.uncertified"}}) {
    put_rule(members);
    configure("cbor", "refused", key_);
    EXPECT_EQ(refused(honest), name);
  }
}

TEST_F(ReportHandshake, WhatDoesNotFitGoesAnotherWayAndWhoGivesNoneSaysSo) {
  configure("cbor", "refused", key_);
  Connection judge = daemon_.connect();
  Shaken shaken = begin(judge, Role::server);
  auto evidence = give(shaken.inputs, 1000);
  ASSERT_FALSE(evidence);
  EXPECT_NE(evidence.error().what.find("attest after the handshake"), std::string::npos) << evidence.error().what;
  configure("no", "refused", key_);
  Shaken again = begin(judge, Role::server);
  evidence = give(again.inputs);
  ASSERT_FALSE(evidence);
  EXPECT_NE(evidence.error().what.find("\"handshakes\" of \"cmc\""), std::string::npos) << evidence.error().what;
}

TEST(ReportEvidence, TwinsAreRefused) {
  Bytes good = encode_report_evidence(as_view("report"));
  ASSERT_TRUE(decode_report_evidence(good));
  EXPECT_EQ(as_text(*decode_report_evidence(good)), "report");
  Bytes longer = good, other = good;
  longer.push_back(0);
  other[2] = 2;
  EXPECT_FALSE(decode_report_evidence(longer));
  EXPECT_FALSE(decode_report_evidence(other));
  for (std::size_t n = 0; n < good.size(); n++) EXPECT_FALSE(decode_report_evidence(View(good).first(n))) << n;
  EXPECT_FALSE(decode_report_evidence(encode_report_evidence({})));
}

TEST(ReportRequest, ProfilesHaveOneForm) {
  Request request;
  request.profiles = {1, 0};
  Bytes good = *encode_request(request);
  EXPECT_EQ(decode_request(good)->profiles, request.profiles);
  const std::vector<std::vector<std::uint8_t>> lists = {{0}, {1, 1}, {1, 2, 3, 4}};
  for (const auto& list : lists) {
    request.profiles = list;
    EXPECT_EQ(bool(decode_request(*encode_request(request))), list.size() == 4);
  }
  request.profiles = {1, 2, 3, 4, 5};
  EXPECT_FALSE(encode_request(request));
}

}  // namespace
}  // namespace attest
