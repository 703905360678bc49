// What its owner, or an intruder with his rights, does to the TPM beneath a running daemon: its clock set ahead, cleared, reset;
// and an attestation key whose certificate its issuer takes back.
#include <gtest/gtest.h>

#include "evidence/core/crypto.h"
#include "evidence/core/hex.h"
#include "evidence/tpm/public_area.h"
#include "test/support/test_ak.h"
#include "test/support/tpm_machine.h"

namespace attest {
namespace {

using namespace attest::test;

constexpr std::uint32_t kOwner = 0x40000001, kLockout = 0x4000000a, kPassword = 0x40000009;
constexpr std::uint32_t kClear = 0x126, kClockSet = 0x128, kReadClock = 0x181;

// owner_command sends a command that one hierarchy with an empty password authorises.
Status owner_command(Swtpm& tpm, std::uint32_t code, std::uint32_t hierarchy, View parameters) {
  Writer body;
  body.u32be(hierarchy);
  body.u32be(9);
  body.u32be(kPassword);
  body.u16be(0), body.u8(0), body.u16be(0);
  body.put(parameters);
  TRY(Bytes bytes, std::move(body).finish("owner's command"));
  CHECK_OK(TpmCommands(tpm.socket()).command(0x8002, code, bytes));
  return ok();
}

bool clear_tpm(Swtpm& tpm) { return owner_command(tpm, kClear, kLockout, {}).operator bool(); }

// clock_of is TPMS_CLOCK_INFO.clock, milliseconds.
std::uint64_t clock_of(Swtpm& tpm) {
  auto answer = TpmCommands(tpm.socket()).command(0x8001, kReadClock, {});
  EXPECT_TRUE(answer);
  Reader in(answer ? View(*answer) : View());
  in.u64be();  // time since it was switched on
  return in.u64be();
}

bool set_clock_ahead(Swtpm& tpm, std::uint64_t ms) {
  std::uint64_t before = clock_of(tpm);
  Writer to;
  to.u64be(before + ms);
  auto bytes = std::move(to).finish("clock");
  return bytes && owner_command(tpm, kClockSet, kOwner, *bytes) && clock_of(tpm) >= before + ms;
}

CertSpec valid_now(CertSpec spec) {
  spec.not_before = wall_clock_now() - kDay;
  spec.not_after = wall_clock_now() + 30 * kDay;
  return spec;
}

TestCert ak_issuer() {
  CertSpec spec;
  spec.common_name = "AK issuer";
  spec.extensions = {{"basicConstraints", "critical,CA:TRUE"}, {"keyUsage", "critical,keyCertSign,cRLSign"}, {"subjectKeyIdentifier", "hash"}};
  return issue(nullptr, valid_now(std::move(spec)));
}

// A has a TPM and serves; B asks and judges. Both daemons are real.
class DaemonTpm : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(start_both(a_, b_));
    a_.describe(authority_, "server");
    b_.put_items("of-a", a_.items);
    pin(a_.ak_name(), "\"max_age\": 60,");
  }
  void put_policy(const std::string& members, const std::string& of_rule) {
    b_.put_policy("default", "{" + members + R"("peers": [{"name": "a.example", )" + of_rule +
                                 R"("image_descriptions": ["image-of-server"]}]})");
    ASSERT_TRUE(b_.control(R"({"op":"reload"})").starts_with("{\"ok\"")) << b_.log();
  }
  void pin(const std::string& ak_name, const std::string& members, const std::string& of_rule = "") {
    put_policy(members, R"("ak_names": [")" + ak_name + "\"], " + of_rule);
  }
  // B asks, A answers, B judges: in steps, for those who meddle between them.
  struct Contact {
    Connection judge;
    BeginAnswer begun;
    BinderInputs inputs;
  };
  Contact ask() {
    Contact contact{b_.connect(), {}, {}};
    auto begun = contact.judge.begin({Role::client, Mode::require, "", "a.example", true});
    EXPECT_TRUE(begun) << begun.error().what;
    contact.begun = *std::move(begun);
    contact.inputs = shake(Role::server, contact.begun.request, web_.der());
    contact.inputs.server_random[0] = ++handshakes_;
    return contact;
  }
  Result<Bytes> answer(const Contact& contact) {
    TRY(AttestAnswer attested, a_.daemon.connect().attest({contact.inputs, 65000}));
    Evidence evidence = *decode_evidence(attested.evidence);
    freshness_ = decode_context(evidence.context)->freshness;
    for (const Anchor& anchor : evidence.anchors)
      if (const auto* tpm = std::get_if<TpmAnchor>(&anchor)) ak_public_ = tpm->ak_public;
    return std::move(attested.evidence);
  }
  std::string verdict(Contact& contact, const Bytes& evidence) {
    auto judged = contact.judge.judge({contact.begun.handle, contact.inputs, evidence, "a.example", true});
    return judged ? judged->name : judged.error().what;
  }
  // meet is all of it: "" where A was accepted, else the refusal's name.
  std::string meet() {
    Contact contact = ask();
    auto evidence = answer(contact);
    return evidence ? verdict(contact, *evidence) : evidence.error().what;
  }
  bool meet_by_known_key() {
    for (int i = 0; i < 600; i++) {
      EXPECT_EQ(meet(), "");
      if (freshness_ == FreshnessMode::known_key) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    return false;
  }
  // meets_until meets until that is the outcome: what was quoted a moment ago may go on for a second or two.
  bool meets_until(const std::string& outcome) {
    for (int i = 0; i < 400; i++) {
      if (meet() == outcome) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    return false;
  }
  std::string warnings() { return member_raw(a_.daemon.control(R"({"op":"status"})"), "warnings"); }
  // use_tpm_key makes a key in A's TPM and a certificate for it, which A shows from now on.
  void use_tpm_key() {
    std::string made = a_.daemon.control(R"({"op":"key.create","tpm":true,"name":"web"})");
    Bytes spki = *from_base64(member_text(made, "spki"), 4096);
    const unsigned char* at = spki.data();
    OwnedPkey key(d2i_PUBKEY_ex(nullptr, &at, static_cast<long>(spki.size()), private_libctx(), nullptr));
    ASSERT_TRUE(key) << made;
    web_ = issue_for(&web_ca_, {}, std::move(key));
  }
  // certify_ak gives A's attestation key a certificate, as enrolment would, and starts A's daemon with it.
  TestCert certify_ak() {
    EXPECT_EQ(meet(), "");
    auto area = parse_public(ak_public_);
    EXPECT_TRUE(area) << "the AK is in the evidence";
    EVP_PKEY_up_ref(area->key.get());
    TestCert certificate = issue_for(&issuer_, valid_now(ak_spec()), OwnedPkey(area->key.get()));
    a_.daemon.write("ak.pem", certificate.pem());
    a_.daemon.stop();
    EXPECT_TRUE(a_.daemon.start());
    EXPECT_TRUE(a_.daemon.ready());
    return certificate;
  }
  void put_crl(const std::vector<const TestCert*>& revoked) {
    b_.write("policies/ak.crl",
             as_text(make_crl(issuer_, revoked, wall_clock_now() - 60, wall_clock_now() + kDay)));
  }
  Authority authority_;
  TpmMachine a_{authority_, "tis"};
  MachineDaemon b_{authority_};
  TestCert web_ca_ = make_root("web CA"), issuer_ = ak_issuer();
  TestCert web_ = leaf("a.example");
  FreshnessMode freshness_ = FreshnessMode::nonce;
  Bytes ak_public_;
  std::uint8_t handshakes_ = 0;
};

// Whoever may use the owner's hierarchy moves the TPM's clock into a later hour and has evidence made there, for handshakes
// to come.
TEST_F(DaemonTpm, EvidenceMintedWithTheClockSetAheadServesNoLaterHandshake) {
  ASSERT_TRUE(meet_by_known_key());
  ASSERT_TRUE(set_clock_ahead(*a_.tpm, 3600 * 1000));
  Contact now = ask();
  now.inputs.request = *encode_request({});  // his own, which wants a quote
  auto minted = answer(now);
  ASSERT_TRUE(minted) << minted.error().what;
  auto statement = parse_attest(std::get<TpmAnchor>(decode_evidence(*minted)->anchors[0]).attest);
  ASSERT_GT(statement->clock.clock_ms, 3600U * 1000) << "the quote says it was made in an hour";
  Contact later = ask();
  EXPECT_EQ(verdict(later, *minted), "quote.not-fresh");
  EXPECT_EQ(meet(), "") << "the machine itself is as good as before";
}

TEST_F(DaemonTpm, AClockSetAheadMakesNoKeyLiveLonger) {
  pin(a_.ak_name(), "\"max_age\": 3,");
  ASSERT_TRUE(meet_by_known_key());
  Contact contact = ask();  // B still knows the key
  auto by_key = answer(contact);
  ASSERT_TRUE(by_key);
  ASSERT_EQ(freshness_, FreshnessMode::known_key);
  ASSERT_TRUE(set_clock_ahead(*a_.tpm, 3600 * 1000));
  std::this_thread::sleep_for(std::chrono::milliseconds(4100));
  EXPECT_EQ(verdict(contact, *by_key), "freshness.key-expired") << "by the verifier's clock, whatever the TPM's says";
  EXPECT_EQ(meet(), "");
  EXPECT_EQ(freshness_, FreshnessMode::nonce);
}

TEST_F(DaemonTpm, AClearedTpmIsAnotherMachineUntilItIsLetInAgain) {
  std::string before = a_.ak_name();
  use_tpm_key();
  ASSERT_TRUE(meet_by_known_key());
  ASSERT_TRUE(clear_tpm(*a_.tpm));
  ASSERT_TRUE(meets_until("ak.untrusted")) << "neither the key K nor the old AK answers any more\n" << a_.daemon.log();
  EXPECT_EQ(freshness_, FreshnessMode::nonce);
  EXPECT_NE(a_.ak_name(), before);
  EXPECT_NE(warnings().find("ak.lost"), std::string::npos) << warnings();
  EXPECT_NE(warnings().find("attestctl enroll request"), std::string::npos) << "the remedy: " << warnings();
  pin(a_.ak_name(), "", R"("tls_key": "certified", )");
  EXPECT_EQ(meet(), "key.uncertified") << "the TLS key went with the storage hierarchy, and its certification with the AK";
  ASSERT_TRUE(a_.daemon.control(R"({"op":"key.renew","name":"web"})").starts_with("{\"ok\"")) << a_.daemon.log();
  pin(a_.ak_name(), "");
  EXPECT_EQ(meet(), "") << "the new AK is let in by name";
  pin(before, "");
  EXPECT_EQ(meet(), "ak.untrusted");
}

TEST_F(DaemonTpm, AClearedTpmsOldCertificateVouchesForNothing) {
  certify_ak();
  b_.write("policies/issuer.pem", issuer_.pem());
  put_policy(R"("ak_issuers": ["issuer.pem"],)", "");
  EXPECT_EQ(meet(), "");
  EXPECT_EQ(warnings().find("ak.lost"), std::string::npos);
  ASSERT_TRUE(clear_tpm(*a_.tpm));
  EXPECT_TRUE(meets_until("ak.untrusted")) << a_.daemon.log();
  EXPECT_NE(warnings().find("ak.pem certifies an attestation key that is gone"), std::string::npos) << warnings();
  a_.daemon.stop();
  ASSERT_TRUE(a_.daemon.start());
  ASSERT_TRUE(a_.daemon.ready()) << "a daemon that did not start could not be enrolled\n" << a_.daemon.log();
  EXPECT_EQ(meet(), "ak.untrusted");
  pin(a_.ak_name(), "");
  certify_ak();
  put_policy(R"("ak_issuers": ["issuer.pem"],)", "");
  EXPECT_EQ(meet(), "");
  EXPECT_EQ(warnings().find("ak.lost"), std::string::npos) << warnings();
}

TEST_F(DaemonTpm, KeysOutliveAResetARestartAndALostCache) {
  std::string before = a_.ak_name();
  use_tpm_key();
  pin(before, "", R"("tls_key": "certified", )");
  EXPECT_EQ(meet(), "");
  a_.daemon.stop();
  std::vector<std::filesystem::path> cached;
  for (const auto& file : std::filesystem::recursive_directory_iterator(a_.daemon.path("")))
    if (file.path().extension() == ".certified") cached.push_back(file.path());
  EXPECT_FALSE(cached.empty());
  for (const auto& file : cached) std::filesystem::remove(file);
  ASSERT_TRUE(a_.tpm->reset());
  ASSERT_TRUE(a_.daemon.start());
  ASSERT_TRUE(a_.daemon.ready()) << a_.daemon.log();
  ASSERT_TRUE(a_.measured->play_again());
  EXPECT_TRUE(meets_until("")) << a_.daemon.log();
  EXPECT_EQ(a_.ak_name(), before);
}

TEST_F(DaemonTpm, ARevokedAttestationKeyIsRefusedAfterAReloadAlone) {
  TestCert certificate = certify_ak(), other = issue_for(&issuer_, valid_now(ak_spec()), make_key("P-256"));
  b_.write("policies/issuer.pem", issuer_.pem());
  put_crl({&other});
  put_policy(R"("max_age": 60, "ak_issuers": ["issuer.pem"], "ak_crls": ["ak.crl"],)", "");
  ASSERT_TRUE(meet_by_known_key());
  put_crl({&other, &certificate});
  EXPECT_EQ(meet(), "") << "not before the reload";
  ASSERT_TRUE(b_.control(R"({"op":"reload"})").starts_with("{\"ok\""));
  EXPECT_EQ(meet(), "ak.untrusted");
  EXPECT_NE(b_.control(R"({"op":"verdicts","count":1})").find("revoked"), std::string::npos);
  put_crl({&other});
  ASSERT_TRUE(b_.control(R"({"op":"reload"})").starts_with("{\"ok\""));
  EXPECT_EQ(meet(), "");
}

}  // namespace
}  // namespace attest
