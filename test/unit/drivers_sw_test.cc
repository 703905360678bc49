// The software driver and its keys.
#include "drivers/sw/sw_driver.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "drivers/sw/key_file.h"
#include "drivers/tpm/sign.h"
#include "evidence/native/sw_statement.h"
#include "test/support/temp_dir.h"

namespace attest {
namespace {

class SwTest : public testing::Test {
 protected:
  void SetUp() override {
    config_ = {dir_.path() / "state", dir_.path() / "state/sw.key"};
    open();
  }
  void open() {
    const DriverRow& row = *find_driver("sw");
    ASSERT_STREQ(row.name, "sw");
    auto opened = row.open({.tpm = {}, .sw = config_});
    ASSERT_TRUE(opened) << opened.error().what;
    opened_ = *std::move(opened);
  }

  test::TempDir dir_;
  SwDriverConfig config_;
  OpenedDriver opened_;
};

TEST_F(SwTest, ItsStatementVerifies) {
  Digest qualifying = sha256(as_view("batch"));
  auto anchor = opened_.driver->quote(qualifying);
  ASSERT_TRUE(anchor);
  const SwAnchor& sw = std::get<SwAnchor>(*anchor);
  auto statement = verify_sw_anchor(sw);
  ASSERT_TRUE(statement) << statement.error().what;
  EXPECT_EQ((*statement)->qualifying, qualifying);
  EXPECT_FALSE((*statement)->host.empty());
  EXPECT_EQ(opened_.driver->identity().id, to_bytes(sw_identity(sw.public_key).view()));
  EXPECT_EQ(opened_.driver->kind(), AnchorKind::sw);
  EXPECT_FALSE(opened_.driver->pcrs());
  EXPECT_EQ(opened_.enroller, nullptr);
  auto log = opened_.driver->log(*anchor);
  ASSERT_TRUE(log);
  EXPECT_EQ(*log, nullptr);
  EXPECT_FALSE(opened_.driver->quote(Digest{}));  // qualifying data is 32 bytes
}

TEST_F(SwTest, ItsKeySurvivesRestartsAndIsOursAlone) {
  Bytes identity = opened_.driver->identity().id;
  open();
  EXPECT_EQ(opened_.driver->identity().id, identity);
  struct stat info {};
  ASSERT_EQ(stat(config_.key.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  ASSERT_EQ(chmod(config_.key.c_str(), 0604), 0);
  auto readable = open_sw(config_);
  ASSERT_FALSE(readable);
  EXPECT_EQ(readable.error().code, Errc::denied);
  ASSERT_EQ(unlink(config_.key.c_str()), 0);
  ASSERT_EQ(symlink("/etc/hostname", config_.key.c_str()), 0);
  auto link = open_sw(config_);
  ASSERT_FALSE(link);
  EXPECT_EQ(link.error().code, Errc::denied);
}

TEST_F(SwTest, RefusesAKeyOfAnotherKind) {
  auto rsa = make_sw_key("rsa-2048");
  ASSERT_TRUE(rsa);
  ASSERT_TRUE(write_sw_key(config_.key, rsa->get()));
  EXPECT_EQ(open_sw(config_).error().code, Errc::denied);
  std::ofstream(config_.key) << "nonsense";
  EXPECT_EQ(open_sw(config_).error().code, Errc::malformed);
}

TEST_F(SwTest, TlsKeysSignForTls) {
  const std::pair<const char*, std::vector<std::uint16_t>> cases[] = {{"ec-p256", {0x0403}},
                                                                      {"ec-p384", {0x0503}},
                                                                      {"rsa-2048", {0x0804, 0x0805, 0x0806}},
                                                                      {"rsa-3072", {0x0804, 0x0805, 0x0806}}};
  for (const auto& [algorithm, ids] : cases) {
    auto info = opened_.keys->create(algorithm, algorithm);
    ASSERT_TRUE(info) << info.error().what;
    EXPECT_EQ(info->algorithm, algorithm);
    EXPECT_FALSE(info->in_tpm);
  }
  open();  // read again from the files
  ASSERT_EQ(opened_.keys->list().size(), std::size(cases));
  for (const auto& [algorithm, ids] : cases)
    for (std::uint16_t id : ids) {
      auto signature = opened_.keys->sign(algorithm, id, as_view("content"));
      ASSERT_TRUE(signature) << signature.error().what;
      Bytes spki = opened_.keys->find(algorithm)->spki_der;
      const unsigned char* at = spki.data();
      OwnedPkey key(d2i_PUBKEY(nullptr, &at, static_cast<long>(spki.size())));
      auto scheme = tls_scheme(id, algorithm);
      ASSERT_TRUE(scheme);
      EXPECT_TRUE(verify_tls_signature(key.get(), *scheme, as_view("content"), *signature));
      EXPECT_FALSE(verify_tls_signature(key.get(), *scheme, as_view("Content"), *signature));
    }
  EXPECT_FALSE(opened_.keys->sign("ec-p256", 0x0804, {}));
  EXPECT_FALSE(opened_.keys->sign("ec-p256", 0x0603, {}));
}

TEST_F(SwTest, KeyNamesAreChecked) {
  ASSERT_TRUE(opened_.keys->create("web", "ec-p256"));
  EXPECT_EQ(opened_.keys->create("web", "ec-p256").error().code, Errc::denied);
  EXPECT_EQ(opened_.keys->create("../web", "ec-p256").error().code, Errc::denied);
  EXPECT_EQ(opened_.keys->create("x", "ed25519").error().code, Errc::unsupported);
  ASSERT_TRUE(opened_.keys->remove("web"));
  EXPECT_FALSE(opened_.keys->remove("web"));
  EXPECT_FALSE(opened_.keys->sign("web", 0x0403, {}));
  EXPECT_FALSE(std::filesystem::exists(config_.state_dir / "keys/web.pem"));
}

TEST(DriverTable, OpensWhatIsConfigured) {
  DriverConfig config;
  for (const DriverRow& row : driver_table()) EXPECT_FALSE(row.configured(config)) << row.name;
  config.sw = SwDriverConfig{};
  config.tpm = TpmDriverConfig{};
  config.snp = SnpDriverConfig{};
  config.tdx = TdxDriverConfig{};
  config.sgx = SgxDriverConfig{};
  config.azure = AzureDriverConfig{};
  for (const DriverRow& row : driver_table()) EXPECT_TRUE(row.configured(config)) << row.name;
}

}  // namespace
}  // namespace attest
