// The driver of Azure confidential VMs over a software TPM that holds what theirs hold: a key of the platform's under 0x81000003,
// and the paravisor's report, here with synthetic hardware evidence, in NV index 0x01400001.
#include "evidence/azure/anchor.h"
#include "evidence/core/file.h"
#include "evidence/dcap/anchor.h"
#include "evidence/x509/certificate.h"
#include "test/support/azure_maker.h"
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
  // platform_key makes the key as the platform does, and returns its modulus.
  Bytes platform_key() {
    std::string ek = file("ek"), ak = file("ak"), spki = file("spki.der");
    EXPECT_EQ(tool({"tpm2_createek", "-c", ek, "-G", "rsa"}), 0);
    EXPECT_EQ(tool({"tpm2_createak", "-C", ek, "-c", ak, "-G", "rsa", "-g", "sha256", "-s", "rsassa"}), 0);
    EXPECT_EQ(tool({"tpm2_flushcontext", "-t"}), 0);
    EXPECT_EQ(tool({"tpm2_evictcontrol", "-C", "o", "-c", ak, "0x81000003"}), 0);
    EXPECT_EQ(tool({"tpm2_readpublic", "-c", "0x81000003", "-f", "der", "-o", spki}), 0);
    EXPECT_EQ(tool({"tpm2_flushcontext", "-t"}), 0);
    auto der = read_file(spki, 4096);
    auto key = der ? read_signing_key(*der) : Result<SigningKey>(der.error());
    if (!key) return {};
    return modulus_of(key->area.key.get());
  }
  void store(const Bytes& report) {
    std::string path = file("hcl");
    ASSERT_TRUE(write_file_atomic(path, report));
    ASSERT_EQ(tool({"tpm2_nvdefine", "0x01400001", "-C", "o", "-s", std::to_string(report.size()), "-a", "ownerread|authread|ownerwrite"}), 0);
    ASSERT_EQ(tool({"tpm2_nvwrite", "0x01400001", "-C", "o", "-i", path}), 0);
  }
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
