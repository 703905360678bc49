// The attestation key and its quotes, on a software TPM that holds a recorded boot.
#include "drivers/tpm/quote.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "evidence/core/hex.h"
#include "evidence/tpm/pcr_selection.h"
#include "evidence/tpm/signature.h"
#include "test/support/measured_machine.h"

namespace attest {
namespace {

using test::Child;
using test::MeasuredMachine;
using test::Swtpm;

class QuoteTest : public testing::Test {
 protected:
  void SetUp() override {
    tpm_ = Swtpm::start();
    ASSERT_TRUE(tpm_);
    machine_ = MeasuredMachine::replay(*tpm_, "tis");
    ASSERT_TRUE(machine_);
    config_.state_dir = tpm_->dir() / "daemon";
    config_.tcti = tpm_->tcti();
    connect();
  }
  void connect() {
    context_.reset();
    auto context = TpmContext::open(config_.tcti);
    ASSERT_TRUE(context) << context.error().what;
    context_ = *std::move(context);
  }
  int tool(std::vector<std::string> argv) {
    argv.insert(argv.begin() + 1, {"-T", tpm_->tcti()});
    return test::run(argv, tpm_->dir() / "tools.log");
  }
  // store_foreign puts a P-256 signing key of somebody else under our handle.
  void store_foreign(const std::string& attributes, std::vector<std::string> more) {
    context_.reset();
    const std::string parent = tpm_->dir() / "p.ctx", key = tpm_->dir() / "k.ctx";
    std::vector<std::string> create = {"tpm2_create",
                                       "-C",
                                       parent,
                                       "-G",
                                       "ecc256:ecdsa-sha256:null",
                                       "-c",
                                       key,
                                       "-a",
                                       "fixedtpm|fixedparent|sensitivedataorigin|" + attributes};
    create.insert(create.end(), more.begin(), more.end());
    ASSERT_EQ(tool({"tpm2_createprimary", "-C", "o", "-c", parent}), 0);
    ASSERT_EQ(tool(create), 0);
    ASSERT_EQ(tool({"tpm2_flushcontext", "-t"}), 0);  // three objects fill the TPM
    ASSERT_EQ(tool({"tpm2_evictcontrol", "-C", "o", "-c", key, "0x81010100"}), 0);
    connect();
  }
  Result<TpmAnchor> quote(AttestationKey& key, View qualifying) {
    return context_->attempt([&] { return tpm_quote(*context_, key, config_.pcrs, qualifying); });
  }
  // verified returns the statement of a quote, checked by the code that judges peers.
  Attest verified(const TpmAnchor& anchor) {
    auto key = parse_public(anchor.ak_public);
    if (!key) return ADD_FAILURE() << key.error().what, Attest{};
    auto statement = verify_attest(anchor.attest, anchor.signature, *key);
    if (!statement) return ADD_FAILURE() << statement.error().what, Attest{};
    return **statement;
  }

  std::unique_ptr<Swtpm> tpm_;
  std::unique_ptr<MeasuredMachine> machine_;
  std::unique_ptr<TpmContext> context_;
  TpmDriverConfig config_;
};

class QuoteByAlgorithm : public QuoteTest, public testing::WithParamInterface<const char*> {};

TEST_P(QuoteByAlgorithm, CoversTheRecordedBoot) {
  config_.ak_algorithm = GetParam();
  auto key = AttestationKey::open(*context_, config_);
  ASSERT_TRUE(key) << key.error().what;
  EXPECT_STREQ(key->area().algorithm(), GetParam());
  Digest nonce = sha256(as_view("nonce"));
  auto anchor = quote(*key, nonce.view());
  ASSERT_TRUE(anchor) << anchor.error().what;
  Attest statement = verified(*anchor);
  EXPECT_EQ(statement.extra_data, to_bytes(nonce.view()));
  ASSERT_TRUE(statement.quote());
  std::vector<Digest> recorded;
  for (std::uint8_t pcr : config_.pcrs.pcrs) recorded.push_back(machine_->recorded_pcr(HashAlg::sha256, pcr));
  auto read = read_pcrs(*context_, config_.pcrs);
  ASSERT_TRUE(read) << read.error().what;
  EXPECT_EQ(*read, recorded);
  EXPECT_EQ(statement.quote()->pcr_digest, to_bytes(pcr_digest(scheme_hash(key->area()), recorded).view()));
  ASSERT_EQ(statement.quote()->selections.size(), 1u);
  EXPECT_EQ(statement.quote()->selections[0], config_.pcrs);
}

INSTANTIATE_TEST_SUITE_P(All, QuoteByAlgorithm, testing::Values("ec-p256", "ec-p384", "rsa-2048", "rsa-3072"),
                         [](const auto& row) {
                           std::string name = row.param;
                           std::erase(name, '-');
                           return name;
                         });

TEST_F(QuoteTest, KeyAndItsAuthorisationSurviveRestarts) {
  Bytes name;
  for (int start = 0; start < 3; start++) {
    if (start == 2) {  // the machine reboots as well
      context_.reset();
      tpm_->stop();
      ASSERT_TRUE(tpm_->run());
    }
    connect();
    auto key = AttestationKey::open(*context_, config_);
    ASSERT_TRUE(key) << key.error().what;
    if (start > 0) {
      EXPECT_EQ(key->name(), name);
    }
    name = key->name();
    EXPECT_TRUE(quote(*key, {}));
  }
  struct stat info {};
  ASSERT_EQ(stat((config_.state_dir / "ak-81010100.auth").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
}

TEST_F(QuoteTest, SurvivesResetsOfTheTpmInMidUse) {
  auto key = AttestationKey::open(*context_, config_);
  ASSERT_TRUE(key) << key.error().what;
  auto first = quote(*key, {});
  ASSERT_TRUE(first) << first.error().what;
  std::uint32_t before = verified(*first).clock.reset_count;
  ASSERT_TRUE(tpm_->reset());  // power cycle without TPM2_Startup
  auto after_reset = quote(*key, {});
  ASSERT_TRUE(after_reset) << after_reset.error().what;
  EXPECT_EQ(verified(*after_reset).clock.reset_count, before + 1);
  tpm_->crash();
  auto while_down = quote(*key, {});
  ASSERT_FALSE(while_down);
  EXPECT_EQ(while_down.error().code, Errc::io);
  EXPECT_NE(while_down.error().what.find(config_.tcti), std::string::npos) << while_down.error().what;
  ASSERT_TRUE(tpm_->run());
  auto back = quote(*key, {});
  EXPECT_TRUE(back) << back.error().what;
}

TEST_F(QuoteTest, RefusesAKeyWithoutAuthorisation) {
  store_foreign("userwithauth|restricted|sign|noda", {});
  auto key = AttestationKey::open(*context_, config_);
  ASSERT_FALSE(key);
  EXPECT_EQ(key.error().code, Errc::denied);
  EXPECT_NE(key.error().what.find("empty"), std::string::npos) << key.error().what;
  EXPECT_NE(key.error().what.find("tpm2_evictcontrol -C o -c 0x81010100"), std::string::npos);
}

struct WrongAttributes {
  const char* name;
  const char* attributes;
  const char* why;
};
class QuoteByAttributes : public QuoteTest, public testing::WithParamInterface<WrongAttributes> {};

TEST_P(QuoteByAttributes, RefusesTheKey) {
  store_foreign(GetParam().attributes, {"-p", "secret"});
  auto key = AttestationKey::open(*context_, config_);
  ASSERT_FALSE(key);
  EXPECT_EQ(key.error().code, Errc::denied);
  EXPECT_NE(key.error().what.find(GetParam().why), std::string::npos) << key.error().what;
}

INSTANTIATE_TEST_SUITE_P(
    All, QuoteByAttributes,
    testing::Values(WrongAttributes{"Unrestricted", "userwithauth|sign|noda", "restricted"},
                    WrongAttributes{"Guessable", "userwithauth|restricted|sign", "noDA"}),
    [](const auto& row) { return std::string(row.param.name); });

TEST_F(QuoteTest, RefusesAnAuthorisationFileOthersCanRead) {
  ASSERT_TRUE(AttestationKey::open(*context_, config_));
  std::string file = config_.state_dir / "ak-81010100.auth";
  ASSERT_EQ(chmod(file.c_str(), 0640), 0);
  auto readable = AttestationKey::open(*context_, config_);
  ASSERT_FALSE(readable);
  EXPECT_EQ(readable.error().code, Errc::denied);
  EXPECT_NE(readable.error().what.find("chmod 600"), std::string::npos) << readable.error().what;
  ASSERT_EQ(chmod(file.c_str(), 0600), 0);
  std::ofstream(file) << std::string(64, '7') << "\n";
  auto wrong = AttestationKey::open(*context_, config_);
  ASSERT_FALSE(wrong);
  EXPECT_NE(wrong.error().what.find("does not hold"), std::string::npos) << wrong.error().what;
  ASSERT_EQ(unlink(file.c_str()), 0);
  auto lost = AttestationKey::open(*context_, config_);
  ASSERT_FALSE(lost);
  EXPECT_NE(lost.error().what.find("not known"), std::string::npos) << lost.error().what;
}

TEST_F(QuoteTest, RefusesAnotherAlgorithmThanConfigured) {
  ASSERT_TRUE(AttestationKey::open(*context_, config_));
  config_.ak_algorithm = "rsa-2048";
  auto key = AttestationKey::open(*context_, config_);
  ASSERT_FALSE(key);
  EXPECT_NE(key.error().what.find("configured is rsa-2048"), std::string::npos) << key.error().what;
  config_.ak_algorithm = "dsa-512";
  config_.ak_handle = 0x81010101;
  auto unknown = AttestationKey::open(*context_, config_);
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code, Errc::unsupported);
}

TEST_F(QuoteTest, NamesABankTheTpmDoesNotHave) {
  context_.reset();
  ASSERT_EQ(tool({"tpm2_pcrallocate", "sha1:all+sha256:all+sha384:all+sha512:none"}), 0);
  tpm_->stop();
  ASSERT_TRUE(tpm_->run());
  connect();
  config_.pcrs.bank = HashAlg::sha512;
  auto values = read_pcrs(*context_, config_.pcrs);
  ASSERT_FALSE(values);
  EXPECT_NE(values.error().what.find("sha512 bank"), std::string::npos) << values.error().what;
}

TEST_F(QuoteTest, ThousandQuotesLeaveNothingBehind) {
  auto key = AttestationKey::open(*context_, config_);
  ASSERT_TRUE(key) << key.error().what;
  for (int i = 0; i < 1000; i++) ASSERT_TRUE(quote(*key, {}));
  for (TPM2_HANDLE range : {TPM2_TRANSIENT_FIRST, TPM2_LOADED_SESSION_FIRST, TPM2_ACTIVE_SESSION_FIRST}) {
    auto handles = context_->handles(range);
    ASSERT_TRUE(handles);
    EXPECT_TRUE(handles->empty()) << std::hex << range;
  }
}

TEST_F(QuoteTest, FlushesWhatACrashedDaemonLeft) {
  context_.reset();
  ASSERT_EQ(tool({"tpm2_createprimary", "-C", "o", "-c", tpm_->dir() / "p.ctx"}), 0);
  ASSERT_EQ(tool({"tpm2_startauthsession", "-S", tpm_->dir() / "s.ctx"}), 0);
  connect();
  auto objects = context_->handles(TPM2_TRANSIENT_FIRST);
  ASSERT_TRUE(objects);
  EXPECT_TRUE(objects->empty());
  EXPECT_TRUE(AttestationKey::open(*context_, config_));
}

TEST(TpmContextTest, SaysWhichTctiDoesNotAnswer) {
  auto context = TpmContext::open("swtpm:path=/nonexistent/tpm");
  ASSERT_FALSE(context);
  EXPECT_EQ(context.error().code, Errc::io);
  EXPECT_NE(context.error().what.find("swtpm:path=/nonexistent/tpm"), std::string::npos);
}

}  // namespace
}  // namespace attest
