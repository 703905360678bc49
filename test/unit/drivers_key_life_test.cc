// What becomes of TLS keys in the TPM: certified by the attestation key, renewed, opened from files of others.
#include <gtest/gtest.h>

#include <fstream>

#include "drivers/table.h"
#include "drivers/tpm/sign.h"
#include "drivers/tpm/tls_keys.h"
#include "evidence/core/crypto.h"
#include "evidence/core/file.h"
#include "evidence/core/hex.h"
#include "evidence/native/key_reference.h"
#include "evidence/tpm/certified_key.h"
#include "evidence/tpm/tpm_ids.h"
#include "test/support/testdata.h"
#include "test/support/tpm_driver.h"

namespace attest {
namespace {

class KeyLife : public test::TpmDriverTest {
 protected:
  void SetUp() override {
    start();
    open();
  }
  std::string file(const char* name) const { return tpm_->dir() / name; }
  // certified: the statement is the one a verifier wants, by the key that quotes now.
  void certified(const std::string& name, const KeyInfo& info) {
    auto statement = keys().certify(name);
    ASSERT_TRUE(statement) << statement.error().what;
    auto key = parse_public(statement->public_area);
    auto ak = parse_public(opened_.enroller->request()->ak_public);
    ASSERT_TRUE(key && ak);
    EXPECT_EQ(*key->spki_der(), info.spki_der);
    EXPECT_TRUE(check_tls_key(*key));
    auto good = check_certified(*statement, *key, *ak, sha256(info.spki_der));
    EXPECT_TRUE(good) << good.error().what;
  }
  bool signs(const std::string& name, const KeyInfo& info, std::uint16_t id = 0x0403) {
    auto scheme = tls_scheme(id, info.algorithm);
    auto signature = keys().sign(name, id, as_view("content"));
    if (!signature || !scheme) return ADD_FAILURE() << signature.error().what, false;
    const unsigned char* at = info.spki_der.data();
    OwnedPkey key(
        d2i_PUBKEY_ex(nullptr, &at, static_cast<long>(info.spki_der.size()), private_libctx(), nullptr));
    return verify_tls_signature(key.get(), *scheme, as_view("content"), *signature).operator bool();
  }
  // tools_key has tpm2-tools make a key under the primary that TSS2 files mean by default; its DER.
  Bytes tools_key(const std::string& algorithm, const std::string& attributes,
                  const std::vector<std::string>& more = {}) {
    const std::string primary = file("p.ctx");
    EXPECT_EQ(tool({"tpm2_createprimary", "-C", "o", "-G", "ecc", "-c", primary, "-a",
                    "restricted|decrypt|fixedtpm|fixedparent|sensitivedataorigin|userwithauth|noda"}),
              0);
    EXPECT_EQ(tool({"tpm2_create", "-C", primary, "-G", algorithm, "-u", file("k.pub"), "-r", file("k.priv"), "-a",
                    "fixedtpm|fixedparent|sensitivedataorigin|userwithauth|" + attributes}),
              0);
    EXPECT_EQ(tool({"tpm2_flushcontext", "-t"}), 0);
    std::vector<std::string> encode = {"tpm2_encodeobject", "-C", "o", "-u", file("k.pub"), "-r", file("k.priv"),
                                       "-o", file("k.pem")};
    encode.insert(encode.end(), more.begin(), more.end());
    EXPECT_EQ(tool(encode), 0);
    auto pem = read_file(file("k.pem"), 10000);
    auto der = pem ? tss2_key_der(as_text(*pem)) : Result<Bytes>(pem.error());
    EXPECT_TRUE(der) << der.error().what;
    return der ? *der : Bytes();
  }
};

TEST_F(KeyLife, EveryAlgorithmIsCertifiedByEveryAttestationKey) {
  for (const char* ak : {"ec-p256", "ec-p384", "rsa-2048"}) {
    opened_ = {};
    config_.ak_algorithm = ak;
    config_.ak_handle++;
    open();
    for (const char* algorithm : {"ec-p256", "ec-p384", "rsa-2048"}) {
      std::string name = std::string(ak) + "." + algorithm;
      auto info = keys().create(name, algorithm);
      ASSERT_TRUE(info) << info.error().what;
      EXPECT_EQ(info->unfit, "");
      certified(name, *info);
    }
  }
}

TEST_F(KeyLife, CertificationsSurviveResetRestartAndALostCache) {
  auto info = keys().create("web", "ec-p256");
  ASSERT_TRUE(info);
  certified("web", *info);
  std::filesystem::path kept = config_.state_dir / "keys/web.certified";
  ASSERT_TRUE(std::filesystem::exists(kept));
  Bytes first = keys().certify("web")->signature;
  open();  // the daemon starts again: what is kept is used
  EXPECT_EQ(keys().certify("web")->signature, first);
  std::filesystem::remove(kept);
  open();
  certified("web", *info);
  std::ofstream(kept, std::ios::trunc) << "rubbish";
  open();
  certified("web", *info);
  opened_ = {};
  std::filesystem::remove(kept);
  tpm_->stop();
  ASSERT_TRUE(tpm_->run());
  open();
  ASSERT_TRUE(tpm_->reset());
  certified("web", *info);
  EXPECT_TRUE(signs("web", *info));
}

TEST_F(KeyLife, ACertificationByAnotherAttestationKeyIsMadeAnew) {
  auto info = keys().create("web", "ec-p256");
  ASSERT_TRUE(info);
  certified("web", *info);
  opened_ = {};
  config_.ak_handle++;
  open();
  certified("web", *info);
}

TEST_F(KeyLife, ARenewedKeyServesOnUntilItIsRemoved) {
  auto old = keys().create("web", "ec-p256");
  ASSERT_TRUE(old);
  auto fresh = keys().renew("web");
  ASSERT_TRUE(fresh) << fresh.error().what;
  EXPECT_EQ(fresh->name, "web");
  EXPECT_EQ(fresh->algorithm, "ec-p256");
  EXPECT_NE(fresh->spki_der, old->spki_der);
  std::string replaced = replaced_key_name("web", old->spki_der);
  EXPECT_EQ(replaced_by(replaced), "web");
  EXPECT_FALSE(keys().create(replaced, "ec-p256"));
  for (int start = 0; start < 2; start++) {
    EXPECT_TRUE(signs("web", *fresh));
    EXPECT_TRUE(signs(replaced, *old));
    certified("web", *fresh);
    certified(replaced, *old);
    open();
  }
  EXPECT_FALSE(keys().renew(replaced));
  EXPECT_FALSE(keys().renew("nobody"));
  ASSERT_TRUE(keys().remove(replaced));
  EXPECT_FALSE(keys().sign(replaced, 0x0403, {}));
  EXPECT_FALSE(std::filesystem::exists(config_.state_dir / ("keys/" + replaced + ".certified")));
  EXPECT_TRUE(signs("web", *fresh));
}

TEST_F(KeyLife, KeysAreNotRenewedWithoutEnd) {
  ASSERT_TRUE(keys().create("web", "ec-p256"));
  for (std::size_t i = 0; i < kMaxReplaced; i++) ASSERT_TRUE(keys().renew("web")) << i;
  auto more = keys().renew("web");
  ASSERT_FALSE(more);
  EXPECT_EQ(more.error().code, Errc::denied);
  EXPECT_NE(more.error().what.find("revoke --replaced"), std::string::npos) << more.error().what;
}

TEST_F(KeyLife, KeyFilesOfTpm2ToolsAreOpened) {
  struct Made {
    const char *tool, *algorithm;
    std::uint16_t scheme;
  };
  for (const Made& made : {Made{"ecc256", "ec-p256", 0x0403}, Made{"rsa2048", "rsa-2048", 0x0804}}) {
    Bytes der = tools_key(made.tool, "sign|noda");
    auto info = keys().borrow(der);
    ASSERT_TRUE(info) << info.error().what;
    EXPECT_EQ(info->algorithm, made.algorithm);
    EXPECT_TRUE(signs(info->name, *info, made.scheme));
    certified(info->name, *info);
    EXPECT_EQ(keys().borrow(der)->name, info->name);
  }
  EXPECT_TRUE(keys().list().empty());  // they stay their owner's
}

TEST_F(KeyLife, AKeyThatMayDecryptSignsAndIsNotCertified) {
  auto info = keys().borrow(tools_key("ecc256", "sign|decrypt|noda"));
  ASSERT_TRUE(info) << info.error().what;
  EXPECT_TRUE(signs(info->name, *info));
  EXPECT_NE(info->unfit.find("decrypt"), std::string::npos) << info->unfit;
  auto certified = keys().certify(info->name);
  ASSERT_FALSE(certified);
  EXPECT_EQ(certified.error().code, Errc::denied);
}

// tpm2_encodeobject says of every key that it has an authorisation value, unless -p is given. A wrong guess would count
// against the TPM, unless the key is exempt.
TEST_F(KeyLife, NoAuthorisationValueIsGuessed) {
  auto guess = keys().borrow(tools_key("ecc256", "sign"));
  ASSERT_FALSE(guess);
  EXPECT_EQ(guess.error().code, Errc::denied);
  EXPECT_NE(guess.error().what.find("tpm2_encodeobject -p"), std::string::npos) << guess.error().what;
  auto told = keys().borrow(tools_key("ecc256", "sign", {"-p"}));
  ASSERT_TRUE(told) << told.error().what;
  EXPECT_TRUE(signs(told->name, *told));
}

TEST_F(KeyLife, AKeyOfAnotherTpmIsRefusedWithTheRemedy) {
  auto pem = test::read_file(test::fixture("keys/tpm2-openssl.pem"));
  ASSERT_TRUE(pem);
  auto der = tss2_key_der(as_text(*pem));
  ASSERT_TRUE(der);
  auto info = keys().borrow(*der);
  ASSERT_TRUE(info) << info.error().what;
  auto signature = keys().sign(info->name, 0x0403, as_view("content"));
  ASSERT_FALSE(signature);
  EXPECT_EQ(signature.error().code, Errc::mismatch);
  EXPECT_NE(signature.error().what.find("remedy"), std::string::npos) << signature.error().what;
  EXPECT_TRUE(opened_.driver->quote(sha256({})));
}

TEST_F(KeyLife, OnlySoManyBorrowedKeysAreKept) {
  Bytes der = tools_key("ecc256", "sign|noda");
  auto parsed = parse_tss2_key(der);
  ASSERT_TRUE(parsed);
  std::string first = keys().borrow(der)->name;
  for (std::size_t i = 0; i < TpmKeyStore::kMaxBorrowed; i++) {
    Tss2Key other = *parsed;
    other.priv.back() = static_cast<std::uint8_t>(other.priv.back() + i + 1);
    ASSERT_TRUE(keys().borrow(*encode_tss2_key(other)));
  }
  EXPECT_EQ(keys().sign(first, 0x0403, {}).error().code, Errc::mismatch);
  EXPECT_TRUE(keys().borrow(der));
}

TEST(Tss2Key, WhatNobodyHereCanUseIsRefused) {
  auto pem = test::read_file(test::fixture("keys/tpm2-openssl.pem"));
  ASSERT_TRUE(pem);
  auto key = parse_tss2_key_pem(as_text(*pem));
  ASSERT_TRUE(key) << key.error().what;
  EXPECT_TRUE(tss2_public(*key));
  Tss2Key told = *key;
  told.empty_auth = false;
  auto again = parse_tss2_key(*encode_tss2_key(told));
  ASSERT_TRUE(again);
  EXPECT_FALSE(again->empty_auth);
  EXPECT_EQ(tss2_public(*again).error().code, Errc::denied);
  Tss2Key storage = *key;
  storage.pub[7] = static_cast<std::uint8_t>((storage.pub[7] & ~4) | 1);  // restricted, no sign
  EXPECT_FALSE(tss2_public(storage));
  Bytes der = *encode_tss2_key(*key);
  der[der[1] == 0x81 ? 10 : 9] ^= 1;  // the OID
  EXPECT_EQ(parse_tss2_key(der).error().code, Errc::unsupported);
}

}  // namespace
}  // namespace attest
