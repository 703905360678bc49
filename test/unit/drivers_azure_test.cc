// The driver of Azure confidential VMs over a software TPM that holds what theirs hold: a key of the platform's under 0x81000003,
// and the paravisor's report, here with synthetic hardware evidence, in NV index 0x01400001.
#include "evidence/azure/anchor.h"
#include "evidence/core/file.h"
#include "evidence/dcap/anchor.h"
#include "evidence/x509/certificate.h"
#include "test/support/azure_maker.h"
#include "test/support/azure_vtpm.h"
#include "test/support/dcap_maker.h"
#include "test/support/snp_samples.h"
#include "test/support/tpm_driver.h"
#include "verifier/azure/judge.h"

namespace attest {
namespace {
using namespace attest::test;

const std::string kVcek = std::string(ATTEST_SOURCE_DIR) + "/test/fixtures/snp/synthetic-vcek-turin.pem";

class AzureDriverTest : public TpmDriverTest {
 protected:
  void SetUp() override {
    start();
    azure_.tcti = tpm_->tcti();
    azure_.certificates = kVcek;
    config_.ak_handle = 0x81000003;
    config_.ak_algorithm = "rsa-2048";
    config_.platform_ak = true;
  }
  std::string file(const char* name) { return (tpm_->dir() / name).string(); }
  Bytes platform_key() { return test::platform_key(*tpm_); }
  void store(const Bytes& report) { ASSERT_TRUE(store_hcl(*tpm_, report)); }
  Result<OpenedDriver> open_azure() { return find_driver("azure")->open({.azure = azure_}); }
  AzureDriverConfig azure_;
};

TEST_F(AzureDriverTest, HardwareClaimsAndQuoteHangTogether) {
  Bytes modulus = platform_key();
  ASSERT_EQ(modulus.size(), 256U);
  Bytes report = hcl_report(hcl_claims(modulus));
  Bytes padded = report;
  padded.resize(2000);
  store(padded);
  auto vm = open_azure();
  ASSERT_TRUE(vm) << vm.error().what;
  Digest qualifying = sha256(as_view("handshake"));
  auto anchor = vm->driver->quote(qualifying);
  ASSERT_TRUE(anchor);
  const AzureAnchor& azure = std::get<AzureAnchor>(*anchor);
  EXPECT_EQ(azure.hcl, report) << "without what the index holds behind it";
  EXPECT_EQ(vm->driver->identity().id, *azure_identity(report));
  open();
  auto quoted = opened_.driver->quote(qualifying);
  ASSERT_TRUE(quoted) << quoted.error().what;
  const TpmAnchor& tpm = std::get<TpmAnchor>(*quoted);
  SnpTrust trust = snp_trust("turin");
  auto ak = read_signing_key(tpm.ak_public);
  ASSERT_TRUE(ak);
  AzureCase question;
  question.hcl = azure.hcl;
  question.key_der = azure.certificates.front();
  question.trust = &trust;
  question.when = kSnpNow;
  question.ak = &*ak;
  question.quote = tpm.attest;
  question.signature = tpm.signature;
  question.nonce = to_bytes(qualifying.view());
  EXPECT_TRUE(judge_azure(question, {}).trusted());
  question.nonce = Bytes(32, 1);
  EXPECT_FALSE(judge_azure(question, {}).trusted()) << "a quote of another handshake";
  EXPECT_EQ(opened_.enroller->request(true).error().code, Errc::denied) << "no other key follows the platform's";
}

TEST_F(AzureDriverTest, WhatAVerifierWouldRefuseIsToldAtStart) {
  EXPECT_EQ(open_azure().error().code, Errc::denied) << "no such index";
  EXPECT_FALSE(find_driver("tpm")->open({.tpm = config_})) << "no key of the platform's, and none is made";
  std::string claims = hcl_claims(Bytes(256, 0xc1));
  Bytes report = hcl_report(claims);
  Bytes changed = report;
  changed[changed.size() - 3] = '1';
  store(changed);
  EXPECT_EQ(open_azure().error().code, Errc::denied) << "claims that the hardware does not bind";
  ASSERT_TRUE(write_file_atomic(file("hcl"), report));
  ASSERT_EQ(tool({"tpm2_nvwrite", "0x01400001", "-C", "o", "-i", file("hcl")}), 0);
  EXPECT_TRUE(open_azure());
  azure_.certificates = std::string(ATTEST_SOURCE_DIR) + "/test/fixtures/snp/synthetic-ark-turin.pem";
  EXPECT_EQ(open_azure().error().code, Errc::denied) << "no VCEK";
  azure_.certificates.clear();
  EXPECT_EQ(open_azure().error().code, Errc::denied);
}

TEST_F(AzureDriverTest, OnTdxAQuoteOverTheClaimsIsDue) {
  std::string claims = hcl_claims(Bytes(256, 0xc1));
  Bytes report = hcl_report(claims, 0, true);
  store(report);
  EXPECT_EQ(open_azure().error().code, Errc::denied);
  azure_.td_quote = file("td.quote");
  DcapWorld world;
  DcapQuoteSpec spec;
  ASSERT_TRUE(write_file_atomic(azure_.td_quote.string(), world.quote(spec)));
  EXPECT_EQ(open_azure().error().code, Errc::denied) << "a quote over other claims";
  std::ranges::copy(claims_digest(*parse_hcl_report(report)), spec.td.report_data.begin());
  Bytes quote = world.quote(spec);
  ASSERT_TRUE(write_file_atomic(azure_.td_quote.string(), quote));
  auto vm = open_azure();
  ASSERT_TRUE(vm) << vm.error().what;
  EXPECT_EQ(std::get<AzureAnchor>(*vm->driver->quote(Digest::filled(HashAlg::sha256, 1))).td_quote, quote);
}

TEST_F(AzureDriverTest, OnTdxTheServiceQuotesTheClaimsOfTheMoment) {
  Bytes modulus = platform_key();
  Digest nonce = sha256(as_view("report"));
  Bytes report = hcl_report(hcl_claims(modulus, nonce.view()), 0, true);
  store(report);
  DcapWorld world;
  DcapQuoteSpec spec;
  std::vector<Bytes> asked;
  bool stale = false;
  azure_.quote_service = "http://service";
  azure_.quote_td = [&](View td_report) -> Result<Bytes> {
    asked.push_back(to_bytes(td_report));
    std::ranges::copy(td_report.subspan(128, 64), spec.td.report_data.begin());
    if (stale) spec.td.report_data[0] ^= 1;
    Bytes quote = world.quote(spec);
    quote.resize(quote.size() + 100);
    return quote;
  };
  auto vm = open_azure();
  ASSERT_TRUE(vm) << vm.error().what;
  auto whole = [&]() -> Result<Anchor> {
    TRY(Anchor claims, vm->driver->fresh_quote(nonce));
    return vm->driver->finisher()(std::move(claims));
  };
  auto claims = vm->driver->fresh_quote(nonce);
  ASSERT_TRUE(claims) << claims.error().what;
  EXPECT_EQ(asked.size(), 1U) << "the device's thread asks no service";
  auto fresh = whole();
  ASSERT_TRUE(fresh) << fresh.error().what;
  EXPECT_FALSE(std::get<AzureAnchor>(*fresh).td_quote.empty());
  EXPECT_EQ(asked, std::vector(2, to_bytes(View(report).subspan(32, 1024)))) << "at start, and over the claims with the nonce";
  stale = true;
  EXPECT_EQ(whole().error().code, Errc::denied) << "a quote over other claims";
  EXPECT_EQ(open_azure().error().code, Errc::denied);
  azure_.quote_td = [](View) -> Result<Bytes> { return Error{Errc::io, "throttled"}; };
  EXPECT_EQ(open_azure().error().code, Errc::io);
}

TEST_F(AzureDriverTest, AsksTheParavisorForClaimsOverANonce) {
  Bytes modulus = platform_key();
  Digest nonce = sha256(as_view("report"));
  store(hcl_report(hcl_claims(modulus, nonce.view())));  // what the paravisor will answer
  auto vm = open_azure();
  ASSERT_TRUE(vm) << vm.error().what;
  auto fresh = vm->driver->fresh_quote(nonce);
  ASSERT_TRUE(fresh) << fresh.error().what;
  EXPECT_EQ(std::get<AzureAnchor>(*fresh).certificates.size(), 1U);
  std::string asked = file("asked");
  ASSERT_EQ(tool({"tpm2_nvread", "0x01400002", "-C", "o", "-o", asked}), 0) << "the index was made";
  Bytes due = to_bytes(nonce.view());
  due.resize(64);
  EXPECT_EQ(*attest::read_file(asked, 4096), due);
  auto stale = vm->driver->fresh_quote(sha256(as_view("another report")));
  ASSERT_FALSE(stale) << "claims over another nonce are not handed out";
  EXPECT_EQ(stale.error().code, Errc::io);
}

}  // namespace
}  // namespace attest
