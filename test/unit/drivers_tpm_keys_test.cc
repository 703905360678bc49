// TLS keys in the TPM: what they sign verifies as TLS peers verify it.
#include "drivers/tpm/tls_keys.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "drivers/table.h"
#include "drivers/tpm/sign.h"
#include "evidence/core/crypto.h"
#include "evidence/core/file.h"
#include "evidence/core/hex.h"
#include "test/support/testdata.h"
#include "test/support/tpm_driver.h"

namespace attest {
namespace {

OwnedPkey public_key(const KeyInfo& info) {
  const unsigned char* at = info.spki_der.data();
  return OwnedPkey(
      d2i_PUBKEY_ex(nullptr, &at, static_cast<long>(info.spki_der.size()), private_libctx(), nullptr));
}

class TpmKeysTest : public test::TpmDriverTest {
 protected:
  void SetUp() override {
    start();
    open();
  }
  // signs: the key makes a signature of this scheme that verifies, and one of other content does not.
  bool signs(const std::string& name, std::uint16_t id) {
    auto info = keys().find(name);
    auto scheme = info ? tls_scheme(id, info->algorithm) : Error{Errc::mismatch, "no key"};
    auto signature = keys().sign(name, id, as_view("content"));
    if (!signature) return ADD_FAILURE() << signature.error().what, false;
    OwnedPkey key = public_key(*info);
    EXPECT_FALSE(verify_tls_signature(key.get(), *scheme, as_view("another"), *signature));
    return scheme && verify_tls_signature(key.get(), *scheme, as_view("content"), *signature).operator bool();
  }
};

struct Scheme {
  const char* algorithm;
  std::vector<std::uint16_t> ids;
  std::uint16_t wrong;
};
class TpmKeysOf : public TpmKeysTest, public testing::WithParamInterface<Scheme> {};

TEST_P(TpmKeysOf, SignForTls) {
  auto info = keys().create("web", GetParam().algorithm);
  ASSERT_TRUE(info) << info.error().what;
  EXPECT_EQ(info->algorithm, GetParam().algorithm);
  EXPECT_TRUE(info->in_tpm);
  for (std::uint16_t id : GetParam().ids) EXPECT_TRUE(signs("web", id)) << id;
  auto wrong = keys().sign("web", GetParam().wrong, as_view("content"));
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().code, Errc::unsupported);
  open();  // the daemon starts again
  ASSERT_TRUE(keys().find("web"));
  EXPECT_EQ(keys().find("web")->spki_der, info->spki_der);
  EXPECT_TRUE(signs("web", GetParam().ids[0]));
}

INSTANTIATE_TEST_SUITE_P(All, TpmKeysOf,
                         testing::Values(Scheme{"ec-p256", {0x0403}, 0x0503},
                                         Scheme{"ec-p384", {0x0503}, 0x0403},
                                         Scheme{"rsa-2048", {0x0804, 0x0805, 0x0806}, 0x0403},
                                         Scheme{"rsa-3072", {0x0804, 0x0805, 0x0806}, 0x0401}),
                         [](const auto& row) {
                           std::string name = row.param.algorithm;
                           std::erase(name, '-');
                           return name;
                         });

TEST_F(TpmKeysTest, ManyKeysShareThreeSlotsWithQuotes) {
  const std::vector<std::string> names = {"a", "b", "c", "d", "e"};
  for (const std::string& name : names) ASSERT_TRUE(keys().create(name, "ec-p256"));
  for (int round = 0; round < 3; round++)
    for (const std::string& name : names) {
      EXPECT_TRUE(signs(name, 0x0403)) << name;
      auto quote = opened_.driver->quote(sha256(as_view(name)));
      EXPECT_TRUE(quote) << quote.error().what;
    }
  EXPECT_TRUE(opened_.enroller->request());
  EXPECT_TRUE(signs("a", 0x0403));
  EXPECT_EQ(keys().list().size(), names.size());
  opened_ = {};
  EXPECT_EQ(tool({"tpm2_createprimary", "-c", tpm_->dir() / "p.ctx"}), 0);  // all slots are free again
}

TEST_F(TpmKeysTest, SurviveAResetOfTheTpm) {
  ASSERT_TRUE(keys().create("web", "ec-p256"));
  ASSERT_TRUE(signs("web", 0x0403));
  ASSERT_TRUE(tpm_->reset());
  EXPECT_TRUE(signs("web", 0x0403));
  tpm_->crash();
  ASSERT_FALSE(keys().sign("web", 0x0403, {}));
  ASSERT_TRUE(tpm_->run());
  EXPECT_TRUE(signs("web", 0x0403));
}

TEST_F(TpmKeysTest, NamesAreCheckedAndKept) {
  ASSERT_TRUE(keys().create("web", "ec-p256"));
  auto again = keys().create("web", "ec-p384");
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, Errc::denied);
  for (const char* name : {"", "../x", ".hidden", "a/b", "a b"}) {
    auto bad = keys().create(name, "ec-p256");
    ASSERT_FALSE(bad) << name;
    EXPECT_EQ(bad.error().code, Errc::denied);
  }
  EXPECT_EQ(keys().create("x", "dsa").error().code, Errc::unsupported);
  EXPECT_EQ(keys().sign("nobody", 0x0403, {}).error().code, Errc::mismatch);
  EXPECT_FALSE(keys().remove("nobody"));
  ASSERT_TRUE(keys().remove("web"));
  EXPECT_FALSE(keys().find("web"));
  EXPECT_FALSE(std::filesystem::exists(config_.state_dir / "keys/web.tpm"));
  open();
  EXPECT_TRUE(keys().list().empty());
}

TEST_F(TpmKeysTest, KeyFilesAreOursAlone) {
  ASSERT_TRUE(keys().create("web", "ec-p256"));
  std::string file = config_.state_dir / "keys/web.tpm";
  struct stat info {};
  ASSERT_EQ(stat(file.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  ASSERT_EQ(chmod(file.c_str(), 0644), 0);
  opened_ = {};
  auto opened = find_driver("tpm")->open({.tpm = config_, .sw = {}});
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Errc::denied);
  EXPECT_NE(opened.error().what.find(file), std::string::npos) << opened.error().what;
}

TEST_F(TpmKeysTest, ThePersistentStorageKeyIsPreferred) {
  ASSERT_EQ(tool({"tpm2_createprimary", "-C", "o", "-c", tpm_->dir() / "p.ctx"}), 0);
  ASSERT_EQ(tool({"tpm2_evictcontrol", "-C", "o", "-c", tpm_->dir() / "p.ctx", "0x81000001"}), 0);
  ASSERT_EQ(tool({"tpm2_flushcontext", "-t"}), 0);
  open();
  ASSERT_TRUE(keys().create("web", "ec-p256"));
  EXPECT_TRUE(signs("web", 0x0403));
  auto pem = read_file(config_.state_dir / "keys/web.tpm", 10000);
  ASSERT_TRUE(pem);
  auto file = parse_key_file(as_text(*pem));
  ASSERT_TRUE(file);
  EXPECT_EQ(file->parent, 0x81000001u);
  opened_ = {};
  ASSERT_EQ(tool({"tpm2_evictcontrol", "-C", "o", "-c", "0x81000001"}), 0);
  open();
  auto orphan = keys().sign("web", 0x0403, {});
  ASSERT_FALSE(orphan);
  EXPECT_NE(orphan.error().what.find("0x81000001"), std::string::npos) << orphan.error().what;
  EXPECT_NE(orphan.error().what.find("remedy"), std::string::npos);
}

// The storage key that tpm2-tools make lacks noDA: wrong guesses elsewhere lock it.
TEST_F(TpmKeysTest, ALockedTpmIsReportedWithTheRemedy) {
  const std::string parent = tpm_->dir() / "p.ctx", guessed = tpm_->dir() / "g.ctx";
  ASSERT_EQ(tool({"tpm2_createprimary", "-C", "o", "-c", parent}), 0);
  ASSERT_EQ(tool({"tpm2_evictcontrol", "-C", "o", "-c", parent, "0x81000001"}), 0);
  ASSERT_EQ(tool({"tpm2_flushcontext", "-t"}), 0);
  ASSERT_EQ(tool({"tpm2_create", "-C", "0x81000001", "-p", "right", "-G", "ecc256", "-c", guessed}), 0);
  ASSERT_EQ(tool({"tpm2_flushcontext", "-t"}), 0);
  for (int i = 0; i < 4; i++)
    EXPECT_NE(tool({"tpm2_sign", "-c", guessed, "-p", "wrong", "-o", tpm_->dir() / "s", "/dev/null"}), 0);
  ASSERT_EQ(tool({"tpm2_flushcontext", "-t"}), 0);
  open();
  auto key = keys().create("web", "ec-p256");
  ASSERT_FALSE(key);
  EXPECT_EQ(key.error().code, Errc::denied);
  EXPECT_NE(key.error().what.find("TPM_RC_LOCKOUT"), std::string::npos) << key.error().what;
  EXPECT_NE(key.error().what.find("every 1000 s"), std::string::npos) << key.error().what;
  EXPECT_NE(key.error().what.find("tpm2_dictionarylockout --clear-lockout"), std::string::npos);
  EXPECT_TRUE(opened_.driver->quote(sha256({})));  // the attestation key is exempt
}

TEST(KeyFileTest, ReadsWhatTpm2OpensslWrote) {
  auto pem = test::read_file(test::fixture("keys/tpm2-openssl.pem"));
  ASSERT_TRUE(pem);
  auto file = parse_key_file(as_text(*pem));
  ASSERT_TRUE(file) << file.error().what;
  auto area = public_bytes(file->key.pub);
  ASSERT_TRUE(area);
  auto key = parse_public(*area);
  ASSERT_TRUE(key) << key.error().what;
  EXPECT_STREQ(key->algorithm(), "ec-p256");
  auto text = encode_key_file(*file);
  ASSERT_TRUE(text);
  auto again = parse_key_file(*text);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->parent, TPM2_RH_OWNER);
  EXPECT_EQ(std::memcmp(&again->key.pub, &file->key.pub, sizeof file->key.pub), 0);
  EXPECT_EQ(std::memcmp(&again->key.priv, &file->key.priv, sizeof file->key.priv), 0);
}

TEST(KeyFileTest, RefusesEveryCutAndEveryExtraByte) {
  auto pem = test::read_file(test::fixture("keys/tpm2-openssl.pem"));
  ASSERT_TRUE(pem);
  std::string_view text = as_text(*pem);
  std::size_t first = text.find('\n') + 1, last = text.rfind("-----END");
  std::string base64;
  for (char c : text.substr(first, last - first))
    if (c != '\n') base64 += c;
  auto der = from_base64(base64, 4096);
  ASSERT_TRUE(der);
  auto wrapped = [](View bytes) {
    return "-----BEGIN TSS2 PRIVATE KEY-----\n" + to_base64(bytes) + "\n-----END TSS2 PRIVATE KEY-----\n";
  };
  ASSERT_TRUE(parse_key_file(wrapped(*der)));
  for (std::size_t n = 0; n < der->size(); n++)
    EXPECT_FALSE(parse_key_file(wrapped(View(*der).first(n)))) << n;
  Bytes longer = *der;
  longer.push_back(0);
  EXPECT_FALSE(parse_key_file(wrapped(longer)));
  EXPECT_FALSE(parse_key_file("-----END TSS2 PRIVATE KEY-----\n-----BEGIN TSS2 PRIVATE KEY-----\n"));
  EXPECT_FALSE(parse_key_file(""));
}

}  // namespace
}  // namespace attest
