// TLS keys as callers of the daemon meet them: certified in the evidence, renewed, revoked, brought along as files.
#include <gtest/gtest.h>

#include "cmcd-lite/server/devices/key_directory.h"
#include "drivers/sw/sw_keys.h"
#include "evidence/core/crypto.h"
#include "evidence/core/file.h"
#include "evidence/core/hex.h"
#include "evidence/native/message.h"
#include "evidence/native/request.h"
#include "evidence/tpm/tss2_key.h"
#include "test/support/machine_daemon.h"
#include "test/support/recording.h"
#include "test/support/swtpm.h"

namespace attest {
namespace {

using namespace attest::test;

Bytes handshake_content() {
  Bytes out(64, 0x20);
  for (char c : std::string_view("TLS 1.3, server CertificateVerify")) out.push_back(static_cast<std::uint8_t>(c));
  out.push_back(0);
  out.insert(out.end(), 32, 7);
  return out;
}

class Keys : public testing::Test {
 protected:
  void SetUp() override {
    tpm_ = Swtpm::start();
    ASSERT_TRUE(tpm_);
    machine_.members = "\"tpm\": {\"tcti\": \"" + tpm_->tcti() + "\", \"event_log\": \"\", \"ima_list\": \"\"},";
    start();
  }
  void start() {
    machine_.stop();
    ASSERT_TRUE(machine_.start());
    ASSERT_TRUE(machine_.ready()) << machine_.log();
  }
  // ask sends one op that must succeed.
  std::string ask(const std::string& json) {
    std::string answer = machine_.control(json);
    EXPECT_TRUE(answer.starts_with("{\"ok\":true")) << json << ": " << answer;
    return answer;
  }
  Bytes create(const std::string& name, const std::string& how = R"(, "tpm": true)") {
    return must(from_base64(member_text(ask(R"({"op":"key.create","name":")" + name + "\"" + how + "}"), "spki"), 4096));
  }
  Bytes wrapped(const std::string& name) {
    return must(tss2_key_der(as_text(must(read_file(machine_.path("keys/" + name + ".tpm"), 10000)))));
  }
  static Bytes hash(const Bytes& spki) { return to_bytes(sha256(spki).view()); }
  static SignCall by_name(const Bytes& spki) { return {"web", 0x0403, handshake_content(), hash(spki), {}}; }
  static SignCall by_file(const Bytes& der) { return {"", 0x0403, handshake_content(), {}, der}; }
  // refusal is the name of what a signature failed for; "" if it was made.
  static std::string refusal(Connection connection, const SignCall& call) {
    auto answer = connection.sign(call);
    return answer ? "" : answer.error().what.substr(0, answer.error().what.find(": "));
  }
  std::string refusal(const SignCall& call) { return refusal(machine_.connect(), call); }
  // evidence for a certificate over this key.
  Result<Evidence> evidence(const Bytes& spki, const Bytes& key_file = {}) {
    const unsigned char* at = spki.data();
    OwnedPkey key(d2i_PUBKEY_ex(nullptr, &at, static_cast<long>(spki.size()), private_libctx(), nullptr));
    Request request;
    request.header.nonce.fill(1);
    Bytes leaf_der = issue_for(&ca_, {}, std::move(key)).der();
    AttestCall call{shake(Role::server, must(encode_request(request)), leaf_der), 65000};
    call.key_file = key_file;
    Connection connection = machine_.connect();
    TRY(AttestAnswer answer, connection.attest(call));
    return decode_evidence(answer.evidence);
  }
  std::unique_ptr<Swtpm> tpm_;
  Authority authority_;
  MachineDaemon machine_{authority_};
  TestCert ca_ = make_root("web CA");
};

TEST_F(Keys, EvidenceCertifiesKeysInTheTpmAlone) {
  Bytes in_tpm = create("web"), rsa = create("rsa", R"(, "tpm": true, "algorithm": "rsa-2048")"), in_file = create("file", "");
  for (const Bytes& spki : {in_tpm, rsa}) {
    auto given = evidence(spki);
    ASSERT_TRUE(given) << given.error().what;
    ASSERT_TRUE(given->tls_key.has_value());
    EXPECT_EQ(must(must(parse_public(given->tls_key->public_area)).spki_der()), spki);
  }
  EXPECT_FALSE(must(evidence(in_file)).tls_key.has_value());
  std::string list = ask(R"({"op":"key.list"})");
  EXPECT_NE(list.find(R"("in_tpm":true,"certified":true)"), std::string::npos) << list;
  EXPECT_NE(list.find(R"("in_tpm":false,"certified":false)"), std::string::npos) << list;
  std::string said = ask(R"({"op":"key.certify","name":"web"})");
  EXPECT_EQ(member_text(said, "attest"), to_base64(must(evidence(in_tpm)).tls_key->attest));
  EXPECT_NE(member_text(said, "attributes").find("fixedTPM"), std::string::npos);
  EXPECT_TRUE(machine_.control(R"({"op":"key.certify","name":"file"})").starts_with("error: key.attributes: "));
  EXPECT_TRUE(machine_.control(R"({"op":"key.certify","name":"nobody"})").starts_with("error: key.unknown: "));
}

TEST_F(Keys, AKeyOfTheTpmIsCertifiedForWhoAsksBeforeTheTpmIsOpen) {
  Bytes in_tpm = create("web"), in_file = create("file", "");
  for (int round = 0; round < 3; round++) {
    machine_.stop();
    ASSERT_TRUE(machine_.start());
    auto given = evidence(in_tpm);
    ASSERT_TRUE(given) << given.error().what;
    EXPECT_TRUE(given->tls_key.has_value());
  }
  EXPECT_FALSE(must(evidence(in_file)).tls_key.has_value());
}

// A key that the rules give to somebody else has no name before the TPM is open: whoever is let through then gets nothing
// that vouches for it.
TEST_F(Keys, ANameThatComesWithTheTpmGivesNobodyElsesKey) {
  Bytes in_tpm = create("web");
  machine_.callers = R"({"name": "owner", "uid": 12345, "roles": ["server"], "keys": ["key:web"], "rights": ["sign", "attest"]}, )"
                     R"({"name": "me", "uid": 0, "roles": ["server"], "keys": ["any"], "rights": ["sign", "attest"]})";
  for (int round = 0; round < 5; round++) {
    machine_.stop();
    ASSERT_TRUE(machine_.start());
    auto given = evidence(in_tpm);
    EXPECT_FALSE(given && given->tls_key.has_value());
    ASSERT_TRUE(machine_.ready());
    EXPECT_FALSE(evidence(in_tpm)) << "the rules are known now";
  }
}

TEST_F(Keys, ARenewedKeyServesOnUntilItIsRevoked) {
  for (const char* how : {R"(, "tpm": true)", ""}) {
    Bytes old = create("web", how);
    std::string renewed = ask(R"({"op":"key.renew","name":"web"})");
    Bytes fresh = must(from_base64(member_text(renewed, "spki"), 4096));
    ASSERT_NE(old, fresh);
    for (int round = 0; round < 2; round++) {
      EXPECT_EQ(refusal(by_name(old)), "");
      EXPECT_EQ(refusal(by_name(fresh)), "");
      EXPECT_TRUE(evidence(old));
      start();  // the daemon starts again
    }
    Bytes other = old;
    other.back() ^= 1;
    EXPECT_EQ(refusal(by_name(other)), "key.changed");
    std::string revoked = ask(R"({"op":"key.revoke","name":"web","replaced":true})");
    EXPECT_NE(revoked.find(to_hex(hash(old))), std::string::npos) << revoked;
    EXPECT_EQ(refusal(by_name(old)), "key.revoked");
    EXPECT_EQ(refusal(by_name(fresh)), "");
    auto refused = evidence(old);
    ASSERT_FALSE(refused);
    EXPECT_TRUE(refused.error().what.starts_with("key.revoked: ")) << refused.error().what;
    ask(R"({"op":"key.revoke","name":"web"})");
    EXPECT_EQ(refusal(by_name(fresh)), "key.revoked");
    start();
    EXPECT_EQ(refusal(by_name(fresh)), "key.revoked");
  }
}

// The rule "key:web" means the key web was until it is revoked, and no other.
TEST_F(Keys, AccessByNameCoversTheKeyThatWasReplaced) {
  machine_.callers = R"({"name": "me", "uid": 0, "roles": ["server"], "keys": ["key:web"], "rights": ["sign", "attest"]})";
  start();
  Bytes old = create("web"), other = create("other");
  ask(R"({"op":"key.renew","name":"web"})");
  EXPECT_EQ(refusal(by_name(old)), "");
  EXPECT_EQ(refusal({"other", 0x0403, handshake_content(), {}, {}}), "daemon.denied");
  EXPECT_EQ(refusal(by_file(wrapped("other"))), "daemon.denied");
}

TEST_F(Keys, AKeyFileIsUsedUnderTheRightsOfItsCaller) {
  Bytes spki = create("web");
  Bytes der = wrapped("web");
  std::filesystem::rename(machine_.path("keys/web.tpm"), machine_.path("web.tpm"));
  start();
  ASSERT_EQ(ask(R"({"op":"key.list"})").find("web"), std::string::npos);
  EXPECT_EQ(refusal(by_file(der)), "");
  EXPECT_FALSE(must(evidence(spki)).tls_key.has_value());
  EXPECT_TRUE(must(evidence(spki, der)).tls_key.has_value());
  auto foreign = evidence(create("other"), der);
  EXPECT_TRUE(foreign) << "the store's own key counts";
  EXPECT_FALSE(must(evidence(create("file", ""), der)).tls_key.has_value());
  auto unknown = evidence(spki_der(ca_.key.get()), der);
  EXPECT_FALSE(unknown && unknown->tls_key.has_value());
  SignCall digest = by_file(der);
  digest.content = Bytes(32, 1);
  EXPECT_EQ(refusal(digest), "key.content");
  SignCall scheme = by_file(der);
  scheme.scheme = 0x0804;
  EXPECT_EQ(refusal(scheme), "key.scheme");
  der.push_back(0);
  EXPECT_EQ(refusal(by_file(der)), "key.reference");
  der.pop_back();
  auto stranger = machine_.connect_as(4711);
  if (!stranger) GTEST_SKIP() << "only root can become another user: " << stranger.error().what;
  EXPECT_EQ(refusal(*std::move(stranger), by_file(der)), "daemon.denied");
}

TEST_F(Keys, ACopyOfARevokedKeyIsWorthNothing) {
  Bytes spki = create("web");
  Bytes copy = wrapped("web");
  EXPECT_EQ(refusal(by_file(copy)), "");
  ask(R"({"op":"key.revoke","name":"web"})");
  EXPECT_EQ(refusal(by_file(copy)), "key.revoked");
  Bytes elsewhere = create("elsewhere");
  Bytes der = wrapped("elsewhere");
  std::filesystem::remove(machine_.path("keys/elsewhere.tpm"));
  start();
  EXPECT_EQ(refusal(by_file(der)), "");
  ask(R"({"op":"key.revoke","spki":")" + to_hex(hash(elsewhere)) + "\"}");
  EXPECT_EQ(refusal(by_file(der)), "key.revoked");
  EXPECT_TRUE(machine_.control(R"({"op":"key.revoke","spki":"00"})").starts_with("error: "));
  EXPECT_TRUE(machine_.control(R"({"op":"key.revoke"})").starts_with("error: key.unknown"));
}

// Somebody looked the key up, then it was renewed, then its turn came to sign.
TEST(KeyNames, AKeyIsMeantByItsSpki) {
  TempDir folder;
  auto store = must(SwKeyStore::open(folder.path() / "keys"));
  KeyInfo meant = must(store->create("web", "ec-p256"));
  EXPECT_EQ(name_now(*store, meant), "web");
  KeyInfo fresh = must(store->renew("web"));
  std::string name = name_now(*store, meant);
  EXPECT_NE(name, "web");
  ASSERT_TRUE(store->find(name));
  EXPECT_EQ(store->find(name)->spki_der, meant.spki_der);
  EXPECT_EQ(name_now(*store, fresh), "web");
  EXPECT_TRUE(store->sign(name, 0x0403, as_view("content")));
  ASSERT_TRUE(store->remove(name));
  EXPECT_FALSE(store->sign(name_now(*store, meant), 0x0403, as_view("content")));
}

TEST_F(Keys, AListOfRevokedKeysThatCannotBeReadStopsTheDaemon) {
  create("web", "");
  machine_.stop();
  machine_.write("keys/revoked", "not a hash\n");
  std::filesystem::permissions(machine_.path("keys/revoked"), std::filesystem::perms::owner_read);
  Daemon::Options options;
  options.config = machine_.write_config();
  auto daemon = Daemon::make(std::move(options));
  ASSERT_FALSE(daemon);
  EXPECT_NE(daemon.error().what.find("keys/revoked"), std::string::npos) << daemon.error().what;
}

}  // namespace
}  // namespace attest
