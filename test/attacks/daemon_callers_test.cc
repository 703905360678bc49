// What local callers try on the daemon. Each test fails when its defence is taken out.
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "evidence/core/fd.h"
#include "evidence/core/hex.h"
#include "evidence/native/request.h"
#include "test/support/fake_driver.h"
#include "test/support/machine_daemon.h"

namespace attest {
namespace {

using namespace attest::test;

constexpr uid_t kNginx = 4033;
constexpr uid_t kPostgres = 4070;
constexpr uid_t kUser = 5000;
constexpr uid_t kStranger = 6000;

std::string spki_of(const TestCert& cert) { return to_hex(spki_sha256(cert.der())->view()); }

std::string content_for(Role role, std::size_t hash = 32) {
  return std::string(64, ' ') +
         (role == Role::server ? "TLS 1.3, server CertificateVerify" : "TLS 1.3, client CertificateVerify") +
         '\0' + std::string(hash, 'h');
}

class DaemonCallers : public testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "only root can connect as other users";
    machine_.callers = R"({"name": "nginx", "uid": 4033, "roles": ["server"], "keys": ["spki:)" +
                       spki_of(web_) + R"(", "key:web"], "rights": ["attest", "judge", "sign"]},
      {"name": "postgres", "uid": 4070, "service": "db", "roles": ["server", "client"], "keys": ["spki:)" +
                       spki_of(db_) + R"("], "rights": ["attest", "judge", "sign"]},
      {"name": "user", "uid": 5000, "roles": ["client", "server"], "keys": ["machine", "any"], "rights": ["attest", "judge", "sign"]})";
    machine_.members = "\"machine_cert\": {\"chain\": \"machine.pem\", \"key\": \"machine\"},";
    machine_.limits = R"("limits": {"nonce_seconds": 1})";
    machine_.put_policy(
        "default",
        R"({"peers": [{"name": "a.example", "ak_names": ["000b00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"]}]})");
    ASSERT_TRUE(machine_.start([this] { return device_.open(); }));
    ASSERT_TRUE(machine_.ready());
    for (const char* name : {"web", "machine"})
      made_[name] = machine_.control(std::string(R"({"op":"key.create","name":")") + name + "\"}");
  }
  // certify gives the machine's key a certificate and puts it in force.
  Bytes certify_machine() {
    Bytes spki = *from_base64(member_text(made_["machine"], "spki"), 1024);
    const unsigned char* at = spki.data();
    OwnedPkey key(d2i_PUBKEY(nullptr, &at, static_cast<long>(spki.size())));
    CertSpec spec;
    spec.common_name = "machine";
    TestCert root = make_root("once");
    TestCert cert = issue_public(root, spec, std::move(key));
    machine_.write("machine.pem", cert.pem());
    EXPECT_TRUE(machine_.control(R"({"op":"reload"})").starts_with("{\"ok\""));
    return cert.der();
  }
  // issue_public signs a certificate over a public key.
  static TestCert issue_public(const TestCert& root, const CertSpec& spec, OwnedPkey key) {
    return issue_for(&root, spec, std::move(key));
  }

  Connection as(uid_t uid) {
    auto connection = machine_.connect_as(uid);
    EXPECT_TRUE(connection) << connection.error().what;
    return *std::move(connection);
  }
  // attest asks as uid for evidence with a certificate; the error's text, or the service label.
  std::string attest_as(uid_t uid, Role role, const Bytes& leaf_der) {
    Connection connection = as(uid);
    auto answer = connection.attest({shake(role, *encode_request({}), leaf_der), 60000});
    if (!answer) return answer.error().what;
    return "label " + decode_context(decode_evidence(answer->evidence)->context)->service;
  }
  std::string sign_as(uid_t uid, const std::string& key, const std::string& content,
                      std::uint16_t scheme = 0x0403) {
    Connection connection = as(uid);
    auto answer = connection.sign({key, scheme, to_bytes(as_view(content))});
    return answer ? "signed" : answer.error().what;
  }
  FakeDevice device_;
  Authority authority_;
  MachineDaemon machine_{authority_};
  TestCert web_ = leaf("web"), db_ = leaf("db"), other_ = leaf("other");
  std::map<std::string, std::string> made_;
};

void expect_denied(const std::string& what, std::string_view name = "daemon.denied") {
  EXPECT_TRUE(what.starts_with(name)) << what;
}

TEST_F(DaemonCallers, EvidenceForAnothersKey) {
  EXPECT_EQ(attest_as(kNginx, Role::server, web_.der()), "label nginx");
  expect_denied(attest_as(kPostgres, Role::server, web_.der()));
  expect_denied(attest_as(kUser, Role::server, web_.der()));  // "any" is what nobody lists
  expect_denied(attest_as(kStranger, Role::server, web_.der()));
  expect_denied(attest_as(0, Role::server, web_.der()));  // root controls; it speaks for no service
  EXPECT_EQ(device_.quotes(), 2U) << "the self-test and nginx";
}

TEST_F(DaemonCallers, EvidenceForAnotherRole) { expect_denied(attest_as(kNginx, Role::client, web_.der())); }

TEST_F(DaemonCallers, AnotherServicesLabel) {
  EXPECT_EQ(attest_as(kPostgres, Role::server, db_.der()), "label db");
  EXPECT_EQ(attest_as(kUser, Role::server, other_.der()), "label user");
}

TEST_F(DaemonCallers, AForeignLeafAroundOnesOwnKeyStaysOnesOwn) {
  CertSpec spec;
  spec.common_name = "bank.example";
  Bytes der = web_.der();
  const unsigned char* at = der.data();
  OwnedX509 parsed(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
  TestCert root = make_root("sly");
  TestCert twin = issue_public(root, spec, OwnedPkey(X509_get_pubkey(parsed.get())));
  EXPECT_EQ(attest_as(kNginx, Role::server, twin.der()), "label nginx")
      << "rights go by key, names are X.509's business";
  expect_denied(attest_as(kPostgres, Role::server, twin.der()));
}

TEST_F(DaemonCallers, TheMachinesCertificateUsedToServe) {
  Bytes der = certify_machine();
  Connection connection = as(kUser);
  auto given = connection.machine_cert();
  ASSERT_TRUE(given) << given.error().what;
  EXPECT_EQ(given->chain_der.at(0), der);
  EXPECT_EQ(attest_as(kUser, Role::client, der), "label user");
  EXPECT_EQ(sign_as(kUser, "machine", content_for(Role::client)), "signed");
  expect_denied(attest_as(kUser, Role::server, der));
  expect_denied(sign_as(kUser, "machine", content_for(Role::server)));
  expect_denied(sign_as(kNginx, "machine", content_for(Role::client)));
  EXPECT_FALSE(as(kNginx).machine_cert());
  EXPECT_FALSE(as(kStranger).machine_cert());
}

TEST_F(DaemonCallers, AHandshakeKeyThroughADigest) {
  EXPECT_EQ(sign_as(kNginx, "web", content_for(Role::server)), "signed");
  EXPECT_EQ(sign_as(kNginx, "web", content_for(Role::server, 48)), "signed");
  std::string good = content_for(Role::server);
  const std::vector<std::string> bad = {"",
                                        std::string(32, 'd'),
                                        std::string(48, 'd'),
                                        good.substr(1),
                                        good + "x",
                                        good.substr(0, good.size() - 1),
                                        content_for(Role::server, 20),
                                        content_for(Role::server, 64),
                                        std::string(64, ' ') + std::string(34, 'x') + std::string(32, 'h'),
                                        std::string(63, ' ') + "\t" + good.substr(64),
                                        good.substr(0, 97) + "\x01" + good.substr(98)};
  for (const std::string& content : bad) expect_denied(sign_as(kNginx, "web", content), "key.content");
  expect_denied(sign_as(kNginx, "web", good, 0x0401), "key.scheme");  // PKCS#1
  expect_denied(sign_as(kNginx, "web", good, 0x0804), "key.scheme");  // PSS with an EC key
  expect_denied(sign_as(kNginx, "web", content_for(Role::client)));
  expect_denied(sign_as(kPostgres, "web", good));
  expect_denied(sign_as(kNginx, "nothing", good), "key.unknown");
}

TEST_F(DaemonCallers, CmcsDigestCallIsNotServed) {
  auto connection = machine_.connect_as(kNginx);
  ASSERT_TRUE(connection);
  OwnedFd fd(::socket(AF_UNIX, SOCK_STREAM, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  machine_.socket().copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  Bytes frame = *encode_frame(4, as_view(R"({"keyId":"web","content":"ZGRk","hashAlg":"SHA-256"})"));
  ASSERT_EQ(::send(fd.get(), frame.data(), frame.size(), 0), static_cast<ssize_t>(frame.size()));
  Bytes answer(8);
  ASSERT_EQ(::recv(fd.get(), answer.data(), 8, MSG_WAITALL), 8);
  EXPECT_EQ(parse_frame_header(answer)->type, static_cast<std::uint32_t>(FrameType::error));
}

TEST_F(DaemonCallers, CallersWithoutARight) {
  for (uid_t uid : {kStranger, uid_t{65534}}) {
    Connection connection = as(uid);
    auto begun = connection.begin({Role::client, Mode::require, "", "a.example", false});
    ASSERT_FALSE(begun);
    expect_denied(begun.error().what);
  }
  expect_denied(sign_as(kStranger, "web", content_for(Role::server)));
  Connection stranger = as(kStranger);
  auto key = stranger.key({"web"});
  ASSERT_FALSE(key);
  expect_denied(key.error().what);
}

TEST_F(DaemonCallers, ControlByUsersWhoDoNotControl) {
  for (const char* op : {R"({"op":"key.create","name":"x"})", R"({"op":"key.list"})",
                         R"({"op":"key.remove","name":"web"})", R"({"op":"reload"})", R"({"op":"reference"})",
                         R"({"op":"enroll.request"})", R"({"op":"generate","nonce":"00"})"}) {
    auto answer = as(kNginx).control(op, std::chrono::seconds(5));
    ASSERT_FALSE(answer) << op;
    expect_denied(answer.error().what);
  }
  auto status = as(kNginx).control(R"({"op":"status"})", std::chrono::seconds(5));
  ASSERT_TRUE(status);
  EXPECT_EQ(status->find("callers"), std::string::npos) << "other services are none of its business";
}

TEST_F(DaemonCallers, VerdictsOfOtherUsers) {
  Connection nginx = as(kNginx);
  auto begun = nginx.begin({Role::client, Mode::require, "", "a.example", false});
  ASSERT_TRUE(begun) << begun.error().what;
  auto answer =
      nginx.judge({begun->handle, shake(Role::server, begun->request, other_.der()), {}, "", false});
  ASSERT_TRUE(answer);
  std::string ask = R"({"op":"explain","id":)" + std::to_string(answer->verdict_id) + "}";
  EXPECT_TRUE(nginx.control(ask, std::chrono::seconds(5)));
  EXPECT_FALSE(as(kPostgres).control(ask, std::chrono::seconds(5)));
  EXPECT_NE(as(kPostgres).control(R"({"op":"verdicts"})", std::chrono::seconds(5))->find("\"verdicts\":[]"),
            std::string::npos);
}

TEST_F(DaemonCallers, RawNoncesThatBeginLikeOurs) {
  machine_.callers += R"(, {"name": "raw", "uid": 7000, "rights": ["raw"]})";
  machine_.write_config();
  ASSERT_TRUE(machine_.control(R"({"op":"reload"})").starts_with("{\"ok\""));
  auto generate = [&](std::string_view nonce) {
    auto answer = as(7000).control(R"({"op":"generate","nonce":")" + to_hex(as_view(nonce)) + "\"}",
                                   std::chrono::seconds(5));
    return answer ? *answer : answer.error().what;
  };
  EXPECT_TRUE(generate("a nonce of the caller").starts_with("{\"ok\""));
  auto handed_out = [&] { return machine_.daemon().tpm_status().handshakes; };
  for (int i = 0; i < 400 && handed_out() < 1; i++) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  for (std::string_view nonce : {"attest/", "attest/1 evidence", "attest/1 batch01234567890123456789"})
    expect_denied(generate(nonce));
  EXPECT_FALSE(generate("").starts_with("{\"ok\""));
  EXPECT_FALSE(generate(std::string(65, 'n')).starts_with("{\"ok\""));
  EXPECT_EQ(handed_out(), 1U) << "refused before the TPM";
}

class DaemonNonces : public DaemonCallers {
 protected:
  BeginAnswer begin(Connection& connection) {
    return *connection.begin({Role::client, Mode::require, "", "a.example", false});
  }
  // judge returns name and text of the refusal.
  std::string judge(Connection& connection, std::uint64_t handle, const Bytes& request,
                    Role prover = Role::server) {
    auto answer =
        connection.judge({handle, shake(prover, request, other_.der()), Bytes(100, 1), "a.example", false});
    EXPECT_TRUE(answer) << answer.error().what;
    EXPECT_EQ(answer->outcome, JudgeOutcome::refused);
    return answer->name + ": " + answer->text;
  }
};

TEST_F(DaemonNonces, TheDaemonDidNotIssue) {
  Connection connection = as(kNginx);
  BeginAnswer begun = begin(connection);
  expect_denied(judge(connection, begun.handle + 1, begun.request), "daemon.nonce");
  Bytes own = begun.request;
  own[5] ^= 1;
  expect_denied(judge(connection, begun.handle, own), "daemon.nonce");
  expect_denied(judge(connection, begun.handle, begun.request), "daemon.nonce");  // spent by the attempt
}

TEST_F(DaemonNonces, UsedTwice) {
  Connection connection = as(kNginx);
  BeginAnswer begun = begin(connection);
  EXPECT_TRUE(judge(connection, begun.handle, begun.request).starts_with("evidence."));
  expect_denied(judge(connection, begun.handle, begun.request), "daemon.nonce");
}

TEST_F(DaemonNonces, OfAnotherConnection) {
  Connection one = as(kNginx);
  Connection two = as(kNginx);
  BeginAnswer begun = begin(one);
  expect_denied(judge(two, begun.handle, begun.request), "daemon.nonce");
  EXPECT_TRUE(judge(one, begun.handle, begun.request).starts_with("evidence."))
      << "the other's attempt does not spend it";
}

TEST_F(DaemonNonces, TooOld) {
  Connection connection = as(kNginx);
  BeginAnswer begun = begin(connection);
  std::this_thread::sleep_for(std::chrono::milliseconds(1100));
  EXPECT_NE(judge(connection, begun.handle, begun.request).find("old"), std::string::npos);
}

TEST_F(DaemonNonces, ForTheOtherSide) {
  Connection connection = as(kNginx);
  BeginAnswer begun = begin(connection);
  expect_denied(judge(connection, begun.handle, begun.request, Role::client), "daemon.nonce");
}

}  // namespace
}  // namespace attest
