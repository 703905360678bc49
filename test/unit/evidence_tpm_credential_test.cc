// Credentials made in software are opened by a TPM, and by no other key or name.
#include <gtest/gtest.h>

#include <fstream>

#include "evidence/core/hex.h"
#include "evidence/tpm/credential.h"
#include "evidence/tpm/kdf.h"
#include "evidence/tpm/tpm_ids.h"
#include "test/support/recording.h"
#include "test/support/swtpm.h"
#include "test/support/testdata.h"

namespace attest {
namespace {
using namespace attest::test;

const Bytes kValue{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};

// A TPM driven by tpm2-tools: the other side of the protocol, written by others.
class TpmTools {
 public:
  explicit TpmTools(Swtpm* tpm) : tpm_(tpm) {}
  std::string file(const std::string& name) const { return tpm_->dir() / name; }
  bool call(std::vector<std::string> argv) {
    argv.insert(argv.end(), {"-T", tpm_->tcti()});
    bool fine = run(argv, file("tools.log")) == 0;
    return run({"tpm2_flushcontext", "-t", "-T", tpm_->tcti()}) == 0 && fine;
  }
  std::string log() const { return std::string(as_text(read_file(file("tools.log")).value_or(Bytes{}))); }
  PublicArea public_area(const std::string& name) const {
    return must(parse_tpm2b_public(must_read(file(name))));
  }
  // make_keys: an EK of this kind and an AK below it.
  bool make_keys(const std::string& kind) {
    return call({"tpm2_createek", "-G", kind, "-c", file("ek.ctx"), "-u", file("ek.pub")}) &&
           call({"tpm2_createak", "-C", file("ek.ctx"), "-G", "ecc", "-g", "sha256", "-s", "ecdsa", "-c",
                 file("ak.ctx"), "-u", file("ak.pub"), "-n", file("ak.name")});
  }
  // activate returns what the TPM opens; empty if it refuses.
  Bytes activate(const Credential& credential, bool with_policy = true) {
    Bytes raw{0xba, 0xdc, 0xc0, 0xde, 0, 0, 0, 1};
    raw.insert(raw.end(), credential.blob.begin(), credential.blob.end());
    raw.insert(raw.end(), credential.secret.begin(), credential.secret.end());
    std::ofstream(file("credential"), std::ios::binary) << as_text(raw);
    std::filesystem::remove(file("opened"));
    std::vector<std::string> open{"tpm2_activatecredential", "-c", file("ak.ctx"), "-C", file("ek.ctx"), "-i",
                                  file("credential"),        "-o", file("opened")};
    return (with_policy ? with_ek_policy(std::move(open)) : call(std::move(open)))
               ? read_file(file("opened")).value_or(Bytes{})
               : Bytes{};
  }

 private:
  // The low range's endorsement keys are used under PolicySecret of the endorsement hierarchy.
  bool with_ek_policy(std::vector<std::string> argv) {
    std::string session = file("session");
    argv.insert(argv.end(), {"-P", "session:" + session});
    bool fine = call({"tpm2_startauthsession", "--policy-session", "-S", session}) &&
                call({"tpm2_policysecret", "-S", session, "-c", "e"}) && call(std::move(argv));
    call({"tpm2_flushcontext", session});
    return fine;
  }

  Swtpm* tpm_;
};

class Activation : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    ASSERT_NE(tpm, nullptr);
    ASSERT_TRUE(tools.make_keys(GetParam())) << tools.log();
  }
  std::unique_ptr<Swtpm> tpm = Swtpm::start();
  TpmTools tools{tpm.get()};
};

TEST_P(Activation, TheTpmOpensWhatWasMadeForItsKeys) {
  PublicArea ek = tools.public_area("ek.pub"), ak = tools.public_area("ak.pub");
  EXPECT_EQ(ak.name(), must_read(tools.file("ak.name")));
  Credential credential = must(make_credential(ek, ak.name(), Secret::copy_of(kValue)));
  EXPECT_EQ(tools.activate(credential), kValue) << tools.log();
}

TEST_P(Activation, TheTpmRefusesTwins) {
  PublicArea ek = tools.public_area("ek.pub"), ak = tools.public_area("ak.pub");
  Credential good = must(make_credential(ek, ak.name(), Secret::copy_of(kValue)));
  Credential other_name = must(make_credential(ek, ek.name(), Secret::copy_of(kValue)));
  Credential mac = good, data = good;
  mac.blob = flipped(mac.blob, 6);
  data.blob = flipped(data.blob, data.blob.size() - 1);
  for (const Credential& bad : {other_name, mac, data}) EXPECT_TRUE(tools.activate(bad).empty());
}

INSTANTIATE_TEST_SUITE_P(EkKinds, Activation, testing::Values("rsa", "ecc"),
                         [](const auto& param) { return std::string(param.param); });

// The larger keys of the specification's high range, whose user role needs no policy.
class LargeKeys : public testing::TestWithParam<std::pair<const char*, const char*>> {};

TEST_P(LargeKeys, TheTpmOpensWhatWasMadeForThem) {
  auto tpm = Swtpm::start();
  ASSERT_NE(tpm, nullptr);
  TpmTools tools(tpm.get());
  ASSERT_TRUE(tools.call(
      {"tpm2_createprimary", "-C", "e", "-g", "sha384", "-G", GetParam().second, "-c", tools.file("ek.ctx")}))
      << tools.log();
  ASSERT_TRUE(tools.call({"tpm2_readpublic", "-c", tools.file("ek.ctx"), "-o", tools.file("ek.pub")}));
  ASSERT_TRUE(
      tools.call({"tpm2_create", "-C", tools.file("ek.ctx"), "-G", "ecc:ecdsa-sha256:null", "-g", "sha256",
                  "-a", "fixedtpm|fixedparent|sensitivedataorigin|userwithauth|restricted|sign", "-c",
                  tools.file("ak.ctx"), "-u", tools.file("ak.pub"), "-r", tools.file("ak.priv")}))
      << tools.log();
  PublicArea ek = tools.public_area("ek.pub"), ak = tools.public_area("ak.pub");
  EXPECT_STREQ(ek.algorithm(), GetParam().first);
  ASSERT_TRUE(check_attestation_key(ak));
  Credential credential = must(make_credential(ek, ak.name(), Secret::copy_of(kValue)));
  EXPECT_EQ(tools.activate(credential, false), kValue) << tools.log();
}

INSTANTIATE_TEST_SUITE_P(HighRange, LargeKeys,
                         testing::Values(std::pair{"ec-p384", "ecc384:null:aes256cfb"},
                                         std::pair{"rsa-3072", "rsa3072:null:aes256cfb"}),
                         [](const auto& param) { return std::string(param.param.first).substr(0, 2); });

TEST(MakeCredential, KeysThatAreNoEndorsementKeysAreDenied) {
  PublicArea ak = must(parse_tpm2b_public(recording("tis").public_area("ecc")));
  EXPECT_EQ(make_credential(ak, ak.name(), Secret::copy_of(kValue)).error().code, Errc::denied);
}

class Endorsement : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_NE(tpm, nullptr);
    TpmTools tools(tpm.get());
    ASSERT_TRUE(tools.make_keys("ecc")) << tools.log();
    ek = tools.public_area("ek.pub");
  }
  std::unique_ptr<Swtpm> tpm = Swtpm::start();
  PublicArea ek;
};

TEST_F(Endorsement, EveryAttributeCounts) {
  ASSERT_TRUE(check_endorsement_key(ek));
  for (std::uint32_t bit : {tpm::kRestricted, tpm::kDecrypt, tpm::kFixedTpm, tpm::kFixedParent,
                            tpm::kSensitiveDataOrigin, tpm::kSign}) {
    PublicArea bad = ek;
    bad.attributes ^= bit;
    auto r = check_endorsement_key(bad);
    ASSERT_FALSE(r);
    EXPECT_EQ(r.error().code, Errc::denied);
    EXPECT_NE(r.error().what.find(attributes_text(bit)), std::string::npos) << r.error().what;
  }
  PublicArea mode = ek, null = ek, sha1 = ek;
  mode.symmetric.mode = 0x0042;  // CBC
  null.symmetric = {};
  sha1.name_alg = HashAlg::sha1;
  for (const PublicArea& bad : {mode, null, sha1}) EXPECT_FALSE(check_endorsement_key(bad));
}

TEST_F(Endorsement, ValuesAndNamesOfAWrongSizeAreMalformed) {
  Bytes name = ek.name();
  EXPECT_FALSE(make_credential(ek, name, Secret()));
  EXPECT_FALSE(make_credential(ek, name, Secret(33)));
  EXPECT_TRUE(make_credential(ek, name, Secret(32)));
  EXPECT_FALSE(make_credential(ek, truncated(name), Secret(16)));
  EXPECT_FALSE(make_credential(ek, trailed(name), Secret(16)));
  EXPECT_FALSE(make_credential(ek, {}, Secret(16)));
}

TEST_F(Endorsement, TwoCredentialsForOneKeyDiffer) {
  Credential a = must(make_credential(ek, ek.name(), Secret::copy_of(kValue)));
  Credential b = must(make_credential(ek, ek.name(), Secret::copy_of(kValue)));
  EXPECT_NE(a.secret, b.secret);
  EXPECT_NE(a.blob, b.blob);
}

// HMAC test case 2 of RFC 4231.
TEST(Kdf, HmacOfTheRfc) {
  Secret mac =
      must(hmac(HashAlg::sha256, as_view("Jefe"), {as_view("what do ya want "), as_view("for nothing?")}));
  EXPECT_EQ(to_hex(mac.reveal()), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

TEST(Kdf, LongerOutputsBeginLikeNoShorterOne) {
  Secret a = must(kdfa(HashAlg::sha256, as_view("key"), "STORAGE", as_view("u"), {}, 128));
  Secret b = must(kdfa(HashAlg::sha256, as_view("key"), "STORAGE", as_view("u"), {}, 512));
  EXPECT_EQ(a.reveal().size(), 16U);
  EXPECT_EQ(b.reveal().size(), 64U);
  EXPECT_FALSE(equal(a.reveal(), b.reveal().first(16)));  // the length is part of the input
}

}  // namespace
}  // namespace attest
