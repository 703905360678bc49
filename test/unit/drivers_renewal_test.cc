// A new attestation key takes the place of the old one while the daemon runs, and at any moment it may crash.
#include <gtest/gtest.h>

#include "drivers/secret_file.h"
#include "drivers/table.h"
#include "drivers/tpm/next_key.h"
#include "evidence/core/file.h"
#include "evidence/core/hex.h"
#include "evidence/tpm/certified_key.h"
#include "evidence/tpm/credential.h"
#include "evidence/tpm/signature.h"
#include "test/support/recording.h"
#include "test/support/test_ca.h"
#include "test/support/tpm_driver.h"

namespace attest {
namespace {

using namespace attest::test;
namespace fs = std::filesystem;

class Renewal : public TpmDriverTest {
 protected:
  void SetUp() override {
    start();
    config_.ak_chain = tpm_->dir() / "daemon/ak.pem";
    open();
  }
  Bytes name() const { return opened_.driver->identity().id; }
  fs::path state(const std::string& file) const { return config_.state_dir / file; }
  // quotes: the identity is that of the key that signs.
  void quotes() {
    auto anchor = opened_.driver->quote(sha256(as_view("nonce")));
    ASSERT_TRUE(anchor) << anchor.error().what;
    const auto& tpm = std::get<TpmAnchor>(*anchor);
    PublicArea ak = must(parse_public(tpm.ak_public));
    EXPECT_EQ(ak.name(), name());
    EXPECT_TRUE(verify_attest(tpm.attest, tpm.signature, ak));
    EXPECT_TRUE(tpm.ak_chain.empty() || tpm.ak_chain == chain_);
  }
  // issue activates the key of a request and returns its certificate as PEM.
  std::string issue(const EnrollRequest& request) {
    Secret value = must(random_secret(32));
    auto credential = make_credential(must(parse_public(request.ek_public)), request.ak_name, value);
    EXPECT_TRUE(credential);
    auto opened = opened_.enroller->activate(credential->blob, credential->secret);
    EXPECT_TRUE(opened) << opened.error().what;
    EXPECT_TRUE(opened && equal(opened->reveal(), value.reveal()));
    PublicArea ak = must(parse_public(request.ak_public));
    EVP_PKEY_up_ref(ak.key.get());
    TestCert cert = issue_for(&ca_, {}, OwnedPkey(ak.key.get()));
    chain_ = {cert.der()};
    return cert.pem();
  }
  bool certified() {
    auto statement = opened_.keys->certify("web");
    PublicArea ak = must(parse_public(must(opened_.enroller->request()).ak_public));
    return statement && check_certified(*statement, must(parse_public(statement->public_area)), ak,
                                        sha256(opened_.keys->find("web")->spki_der));
  }
  void nothing_waits() {
    for (const char* file : {"ak-81010100.next", "ak-81010100.next.auth", "ak-81010100.next.creation", "ak-81010100.next.pem"})
      EXPECT_FALSE(fs::exists(state(file))) << file;
  }

  TestCert ca_ = make_root("AK issuer");
  std::vector<Bytes> chain_;
};

TEST_F(Renewal, TheOldKeyQuotesUntilTheNewOneIsCertified) {
  ASSERT_TRUE(opened_.keys->create("web", "ec-p256"));
  EXPECT_TRUE(opened_.enroller->store_chain(issue(must(opened_.enroller->request()))));
  Bytes old = name();
  EXPECT_TRUE(certified());
  auto request = opened_.enroller->request(true);
  ASSERT_TRUE(request) << request.error().what;
  EXPECT_NE(request->ak_name, old);
  EXPECT_EQ(must(opened_.enroller->request(true)).ak_name, request->ak_name) << "one key waits, not many";
  EXPECT_EQ(name(), old);
  quotes();
  open();  // the key that waits survives the daemon
  EXPECT_EQ(must(opened_.enroller->request(true)).ak_name, request->ak_name);
  EXPECT_EQ(name(), old);
  auto stored = opened_.enroller->store_chain(issue(*request));
  ASSERT_TRUE(stored) << stored.error().what;
  EXPECT_EQ(name(), request->ak_name);
  quotes();
  EXPECT_TRUE(certified()) << "TLS keys are certified by the new key";
  nothing_waits();
  open();
  EXPECT_EQ(name(), request->ak_name);
  quotes();
  EXPECT_TRUE(certified());
  ASSERT_TRUE(tpm_->reset());
  quotes();
}

TEST_F(Renewal, ThePresentKeyIsCertifiedAnewBesideOneThatWaits) {
  Bytes old = name();
  ASSERT_TRUE(opened_.enroller->request(true));
  EXPECT_TRUE(opened_.enroller->store_chain(issue(must(opened_.enroller->request()))));
  EXPECT_EQ(name(), old);
  quotes();
  EXPECT_TRUE(fs::exists(state("ak-81010100.next")));
}

TEST_F(Renewal, ACertificateOfNeitherKeyIsRefused) {
  ASSERT_TRUE(opened_.enroller->request(true));
  Bytes old = name();
  auto stored = opened_.enroller->store_chain(make_root("another").pem());
  ASSERT_FALSE(stored);
  EXPECT_EQ(stored.error().code, Errc::mismatch);
  EXPECT_EQ(name(), old);
}

// Crashes, step by step: what a daemon that starts finds in each case, it brings to its end.
class RenewalCrash : public Renewal, public testing::WithParamInterface<int> {};

TEST_P(RenewalCrash, TheNextStartGoesOn) {
  EnrollRequest request = must(opened_.enroller->request(true));
  std::string pem = issue(request);
  opened_ = {};
  {
    auto context = must(TpmContext::open(config_.tcti));
    NextKey next = must(NextKey::find(config_));
    ASSERT_TRUE(NextKey::certify(config_, pem));
    TpmHandle key = must(next.load(*context));
    EXPECT_TRUE(GetParam() < 1 || evict_key(*context, config_.ak_handle));
    EXPECT_TRUE(GetParam() < 2 || persist_key(*context, key, config_.ak_handle));
  }
  if (GetParam() >= 3) fs::rename(state("ak-81010100.next.auth"), state("ak-81010100.auth"));
  EXPECT_TRUE(GetParam() < 4 || write_file_atomic(config_.ak_chain, as_view(pem), 0644));
  if (GetParam() >= 5) fs::remove(state("ak-81010100.next"));
  open();
  EXPECT_EQ(name(), request.ak_name);
  quotes();
  nothing_waits();
  EXPECT_TRUE(fs::exists(config_.ak_chain));
}

INSTANTIATE_TEST_SUITE_P(AfterEachStep, RenewalCrash, testing::Range(0, 6));

}  // namespace
}  // namespace attest
