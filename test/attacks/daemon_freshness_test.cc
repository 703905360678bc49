// Two machines with software TPMs: evidence without a quote in the handshake's path, and when a quote is due
// after all.
#include <gtest/gtest.h>
#include <openssl/pem.h>

#include "evidence/core/crypto.h"
#include "evidence/core/hex.h"
#include "evidence/native/request.h"
#include "test/support/recording.h"
#include "test/support/tpm_machine.h"

namespace attest {
namespace {

using namespace attest::test;

// Distributor signs Epoch IDs into the files of two machines.
class EpochMaker {
 public:
  EpochMaker() : key_(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256")) {}
  std::string pem() const {
    OwnedBio bio(BIO_new(BIO_s_mem()));
    PEM_write_bio_PUBKEY(bio.get(), key_.get());
    char* text = nullptr;
    long size = BIO_get_mem_data(bio.get(), &text);
    return {text, static_cast<std::size_t>(size)};
  }
  Bytes next(UnixTime time) {
    EpochId epoch{time, ++sequence_, {}};
    epoch.random.fill(static_cast<std::uint8_t>(sequence_));
    return *encode_signed_epoch(*sign_epoch(epoch, key_.get()));
  }

 private:
  OwnedPkey key_;
  std::uint64_t sequence_ = 100;
};

// A serves and has a TPM; B asks and accepts quotes of some age.
class DaemonFreshness : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(a_.good());
    a_.daemon.write("epochd.pem", epochs_.pem());
    b_.write("policies/epochd.pem", epochs_.pem());
    a_.daemon.members += "\"epochs\": [{\"file\": \"epoch-id\", \"key\": \"epochd.pem\"}],";
    ASSERT_TRUE(start_both(a_, b_));
    a_.describe(authority_, "server");
    b_.put_items("of-a", a_.items);
    put_policy("a.example", "\"max_age\": 60,");
  }
  void put_policy(const std::string& rule, const std::string& more, const std::string& of_rule = "") {
    b_.put_policy("default", "{" + more + R"("peers": [{"name": ")" + rule + R"(", "ak_names": [")" +
                                 a_.ak_name() + R"("], "image_descriptions": ["image-of-server"])" + of_rule + "}]}");
    ASSERT_TRUE(b_.control(R"({"op":"reload"})").starts_with("{\"ok\"")) << b_.log();
  }
  // meet is one handshake of B with A; "" where it was accepted, or the refusal's name. freshness_ says how.
  std::string meet() {
    Connection judge = b_.connect();
    Connection prover = a_.daemon.connect();
    auto begun = judge.begin({Role::client, Mode::require, "", "a.example", true});
    if (!begun) return begun.error().what;
    BinderInputs inputs = shake(Role::server, begun->request, web_.der());
    inputs.server_random[0] = ++handshakes_;
    auto attested = prover.attest({inputs, 65000});
    if (!attested) return attested.error().what;
    size_ = attested->evidence.size();
    freshness_ = decode_context(decode_evidence(attested->evidence)->context)->freshness;
    auto judged = judge.judge({begun->handle, inputs, attested->evidence, "a.example", true});
    return judged ? judged->name : judged.error().what;
  }
  // use_tpm_key makes a key in A's TPM and a certificate for it, which A shows from now on.
  void use_tpm_key(const std::string& name) {
    std::string made = a_.daemon.control(R"({"op":"key.create","tpm":true,"name":")" + name + "\"}");
    Bytes spki = must(from_base64(member_text(made, "spki"), 4096));
    const unsigned char* at = spki.data();
    OwnedPkey key(d2i_PUBKEY_ex(nullptr, &at, static_cast<long>(spki.size()), private_libctx(), nullptr));
    ASSERT_TRUE(key) << made;
    web_ = issue_for(&web_ca_, {}, std::move(key));
  }
  std::uint64_t quotes() { return a_.daemon.daemon().tpm_status().quotes; }
  // put_epoch hands A a new Epoch ID and waits until it was read.
  void put_epoch(UnixTime time) {
    Bytes epoch = epochs_.next(time);
    a_.daemon.write("fresh", as_text(epoch));
    std::filesystem::rename(a_.daemon.path("fresh"), a_.daemon.path("epoch-id"));
  }
  // meet_by meets until a handshake goes by this mode; false if it takes too long.
  bool meet_by(FreshnessMode mode) {
    for (int i = 0; i < 600; i++) {
      EXPECT_EQ(meet(), "");
      if (freshness_ == mode) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    return false;
  }
  EpochMaker epochs_;
  Authority authority_;
  TpmMachine a_{authority_, "tis"};
  MachineDaemon b_{authority_};
  TestCert web_ca_ = make_root("web CA");
  TestCert web_ = leaf("a.example");
  FreshnessMode freshness_ = FreshnessMode::nonce;
  std::size_t size_ = 0;
  std::uint8_t handshakes_ = 0;
};

TEST_F(DaemonFreshness, RepeatedContactNeedsNoQuote) {
  EXPECT_EQ(meet(), "");
  EXPECT_EQ(freshness_, FreshnessMode::nonce);
  ASSERT_TRUE(meet_by(FreshnessMode::known_key));
  EXPECT_LT(size_, 500U);
  std::uint64_t before = quotes();
  for (int i = 0; i < 20; i++) EXPECT_EQ(meet(), "");
  EXPECT_LT(quotes() - before, 20U) << "most of them need none";
  std::string json = b_.control(R"({"op":"verdicts","count":1})");
  EXPECT_NE(json.find("accepted"), std::string::npos);
}

TEST_F(DaemonFreshness, APeerWithoutARuleOfItsOwnIsToldNothing) {
  put_policy("*", "\"max_age\": 60,");
  for (int i = 0; i < 3; i++) {
    EXPECT_EQ(meet(), "");
    EXPECT_EQ(freshness_, FreshnessMode::nonce);
  }
}

TEST_F(DaemonFreshness, FilesMeasuredSinceEndAKey) {
  ASSERT_TRUE(meet_by(FreshnessMode::known_key));
  ASSERT_TRUE(a_.measured->measure_file("/usr/bin/new"));
  EXPECT_EQ(meet(), "ima.unexpected-file") << "the handshake after it needs a new quote, and that tells";
  EXPECT_EQ(freshness_, FreshnessMode::nonce);
}

TEST_F(DaemonFreshness, AResetOfTheTpmEndsAKey) {
  ASSERT_TRUE(meet_by(FreshnessMode::known_key));
  ASSERT_TRUE(a_.tpm->reset());
  for (int i = 0; i < 400 && freshness_ == FreshnessMode::known_key; i++) {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    freshness_ = FreshnessMode::nonce;
    std::string refused = meet();
    if (freshness_ == FreshnessMode::nonce) {
      EXPECT_NE(refused, "") << "its PCRs are those of no boot";
    }
  }
  EXPECT_EQ(freshness_, FreshnessMode::nonce);
}

TEST_F(DaemonFreshness, AReloadWithOtherMetadataEndsAKey) {
  ASSERT_TRUE(meet_by(FreshnessMode::known_key));
  std::filesystem::remove(a_.daemon.path("metadata/server1.json"));
  ASSERT_TRUE(a_.daemon.control(R"({"op":"reload"})").starts_with("{\"ok\""));
  EXPECT_EQ(meet(), "metadata.image-description");
  EXPECT_EQ(freshness_, FreshnessMode::nonce);
}

TEST_F(DaemonFreshness, ADeniedMachineIsRefusedThoughItsKeyIsKnown) {
  ASSERT_TRUE(meet_by(FreshnessMode::known_key));
  put_policy("a.example", R"("max_age": 60, "denied_aks": [")" + a_.ak_name() + "\"],");
  EXPECT_EQ(meet(), "ak.denied");
  put_policy("a.example", "\"max_age\": 60,");
  EXPECT_EQ(meet(), "");
  put_policy("a.example", "");
  EXPECT_EQ(meet(), "");
  EXPECT_EQ(freshness_, FreshnessMode::nonce) << "a policy without max_age asks for a quote each time";
}

TEST_F(DaemonFreshness, AKnownKeyDoesNotStandForATlsKeyInTheTpm) {
  put_policy("a.example", "\"max_age\": 60,", R"(, "tls_key": "certified")");
  EXPECT_EQ(meet(), "key.uncertified");
  for (const char* name : {"first", "second"}) {
    use_tpm_key(name);
    EXPECT_EQ(meet(), "");
    EXPECT_EQ(freshness_, FreshnessMode::nonce) << "the TPM has to certify it first";
    ASSERT_TRUE(meet_by(FreshnessMode::known_key)) << "which counts on";
  }
  web_ = leaf("a.example");
  EXPECT_EQ(meet(), "key.uncertified") << "a stolen key of another certificate";
  EXPECT_EQ(freshness_, FreshnessMode::known_key);
}

TEST_F(DaemonFreshness, EpochIdsServeStrangersWithoutAQuoteEach) {
  put_policy("*", R"("max_age": 60, "epoch_distributors": ["epochd.pem"],)");
  EXPECT_EQ(meet(), "");
  EXPECT_EQ(freshness_, FreshnessMode::nonce) << "no Epoch ID has come";
  put_epoch(wall_clock_now());
  ASSERT_TRUE(meet_by(FreshnessMode::epoch_id)) << a_.daemon.log();
  std::uint64_t before = quotes();
  for (int i = 0; i < 20; i++) EXPECT_EQ(meet(), "");
  EXPECT_LT(quotes() - before, 20U);
  EXPECT_NE(a_.daemon.control(R"({"op":"status"})").find("\"sequence\":101"), std::string::npos);
  EXPECT_NE(b_.control(R"({"op":"status"})").find("\"sequence\":101"), std::string::npos)
      << "it came with the evidence";
}

TEST_F(DaemonFreshness, WithoutNewEpochIdsQuotesTakeOver) {
  put_policy("*", R"("max_age": 60, "epoch_distributors": ["epochd.pem"],)");
  put_epoch(wall_clock_now() - 57);
  for (int i = 0; i < 3; i++) {
    EXPECT_EQ(meet(), "");
    EXPECT_EQ(freshness_, FreshnessMode::nonce) << "an old one would be refused";
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
  }
  put_epoch(wall_clock_now());
  EXPECT_TRUE(meet_by(FreshnessMode::epoch_id));
  put_epoch(wall_clock_now() + 3600);
  std::this_thread::sleep_for(std::chrono::milliseconds(1500));
  EXPECT_EQ(meet(), "") << "one of later hours is not quoted";
  EXPECT_NE(a_.daemon.control(R"({"op":"status"})").find("epoch.source"), std::string::npos);
}

}  // namespace
}  // namespace attest
