// Azure confidential VMs: hardware vouches for the claims, the claims for the vTPM's key, that key for the quote.
#include <gtest/gtest.h>

#include "evidence/core/hex.h"
#include "test/support/azure_maker.h"
#include "test/support/snp_samples.h"
#include "test/support/testdata.h"
#include "verifier/azure/checks.h"
#include "verifier/azure/judge.h"

namespace attest {
namespace {
using namespace attest::test;

using Names = std::vector<std::string>;
Names failed(const Findings& findings) {
  Names out;
  for (const Finding& f : findings.checks)
    if (f.outcome == Outcome::fail) out.push_back(f.id);
  return out;
}

const std::string kModulus = std::string(340, 'q') + "rw";
std::string claims_json(const std::string& more = "") {
  return R"({"keys":[{"kid":"HCLAkPub","key_ops":["sign"],"kty":"RSA","e":"AQAB","n":")" + kModulus + R"("}],)" + more +
         R"("vm-configuration":{"secure-boot":true,"vmUniqueId":"X"},"user-data":")" + std::string(128, '0') + "\"}";
}

// hcl is a report as it lies in the NV index, which is longer.
Bytes hcl(const std::string& claims, unsigned vmpl = 0, std::uint8_t type = 2) {
  Bytes out = hcl_report(claims, vmpl);
  out[0x4c8] = type;
  out.resize(std::max<std::size_t>(out.size(), 2600));
  return out;
}

AzureFindings judge(const Bytes& report, const std::string& policy = "", std::optional<Bytes> nonce = {}) {
  static const SnpTrust trust = snp_trust("turin");
  static const Bytes key = snp_certificate("vcek-turin.pem");
  AzureCase question;
  question.hcl = report;
  question.key_der = key;
  question.trust = &trust;
  question.when = kSnpNow;
  question.nonce = std::move(nonce);
  auto parsed = parse_azure_policy(policy, "policy");
  if (!parsed) ADD_FAILURE() << parsed.error().what;
  return judge_azure(question, *parsed);
}

TEST(Hcl, HonestReportPassesAndWarnsThatItMayBeOld) {
  AzureFindings found = judge(hcl(claims_json()), R"({"configuration": {"secure-boot": true, "vmUniqueId": "X"}})");
  EXPECT_EQ(failed(found), Names{});
  EXPECT_TRUE(found.trusted());
  EXPECT_EQ(found.binds, true);
  EXPECT_TRUE(std::ranges::any_of(found.checks, [](const Finding& f) { return f.id == azure_check::kQuote && f.outcome == Outcome::warn; }));
}

TEST(Hcl, ChangedClaimsAreNotBound) {
  std::string claims = claims_json();
  Bytes report = hcl(claims);
  std::size_t at = 0x4d4 + claims.find("secure-boot") + 13;
  ASSERT_EQ(report[at], 't');
  report[at - 3] = 'T';
  Names names = failed(judge(report));
  ASSERT_FALSE(names.empty());
  EXPECT_EQ(names.front(), "azure.claims-binding");
}

// The guest's kernel, below the paravisor, gets genuine reports over any data: its own claims with its own key among them.
TEST(Hcl, AReportTheGuestAskedForItselfIsRefused) {
  EXPECT_EQ(failed(judge(hcl(claims_json(), 2))), Names{"snp.vmpl"});
  EXPECT_EQ(failed(judge(hcl(claims_json(), 2), R"({"snp": {"vmpl": [0, 1, 2]}})")), Names{"snp.vmpl"}) << "whatever a policy says";
}

TEST(Hcl, ClaimsMustNameASigningKeyOnce) {
  std::string twice = claims_json();
  twice.replace(twice.find("}],"), 3, R"(},{"kid":"HCLAkPub","key_ops":["sign"],"kty":"RSA","e":"AQAB","n":"AQAB"}],)");
  EXPECT_EQ(failed(judge(hcl(twice))), Names{"azure.claims"});
  std::string duplicate = claims_json(R"("user-data":")" + std::string(128, '1') + "\",");
  EXPECT_EQ(failed(judge(hcl(duplicate))), Names{"azure.claims"});
  std::string encrypts = claims_json();
  encrypts.replace(encrypts.find("sign"), 4, "seal");
  EXPECT_EQ(failed(judge(hcl(encrypts))), Names{"azure.ak"});
  std::string other = claims_json();
  other.replace(other.find("HCLAkPub"), 8, "HCLOther");
  EXPECT_EQ(failed(judge(hcl(other))), Names{"azure.ak"});
}

TEST(Hcl, WithoutAQuoteTheNonceMustBeInTheClaims) {
  EXPECT_EQ(failed(judge(hcl(claims_json()), "", Bytes{1, 2, 3})), Names{"azure.user-data"});
  std::string fresh = claims_json();
  fresh.replace(fresh.rfind(std::string(128, '0')), 6, "010203");
  EXPECT_EQ(failed(judge(hcl(fresh), "", Bytes{1, 2, 3})), Names{});
}

TEST(Hcl, SettingsAreDemandedByName) {
  EXPECT_EQ(failed(judge(hcl(claims_json()), R"({"configuration": {"secure-boot": false}})")), Names{"azure.configuration"});
  EXPECT_EQ(failed(judge(hcl(claims_json()), R"({"configuration": {"console-enabled": false}})")), Names{"azure.configuration"});
  EXPECT_FALSE(parse_azure_policy(R"({"secure_boot": true})", "policy"));
}

TEST(Hcl, ATdReportAloneProvesNothing) {
  Bytes report = hcl(claims_json(), 0, 4);
  std::fill(report.begin() + 32, report.begin() + 0x4c0, std::uint8_t{0});
  report[32] = 0x81;
  Bytes digest = to_bytes(sha256(as_view(claims_json())).view());
  std::ranges::copy(digest, report.begin() + 32 + 128);
  EXPECT_EQ(failed(judge(report)), Names{"azure.hardware"});
}

TEST(Hcl, SizesMustAgree) {
  Bytes good = hcl(claims_json());
  for (std::size_t n = 0; n < 1300; n += 97) EXPECT_FALSE(parse_hcl_report(View(good).first(n))) << n;
  for (std::size_t at : {0, 4, 8, 0x4c0, 0x4c4, 0x4c8, 0x4cc, 0x4d0, 2599}) {
    Bytes bad = good;
    bad[at] ^= 0x40;
    EXPECT_FALSE(parse_hcl_report(bad)) << at;
  }
}

// A genuine machine: report, VCEK, vTPM quote.
TEST(HclPublic, GenuineReportKeyAndQuoteHangTogether) {
  std::string folder = testdata("public/tpm-quote/azure-snp-hcl-quote/");
  auto report = read_file(folder + "hcl-report.bin");
  if (!report) GTEST_SKIP() << "public artefacts are not here: " << folder;
  auto key = read_file(testdata("public/snp/azure-hcl-milan/vek.der"));
  auto quote = read_file(folder + "quote.msg"), signature = read_file(folder + "quote.rawsig"), spki = read_file(folder + "ak.spki.pem");
  ASSERT_TRUE(key && quote && signature && spki);
  auto ak = read_signing_key(*spki);
  ASSERT_TRUE(ak);
  auto trust = SnpTrust::built_in();
  AzureCase question;
  question.hcl = *report;
  question.key_der = *key;
  question.trust = &*trust;
  question.when = *parse_rfc3339("2023-07-31T21:22:19Z");
  question.ak = &*ak;
  question.quote = *quote;
  question.signature = *signature;
  question.nonce = to_bytes(as_view("challenge"));
  AzureFindings found = judge_azure(question, {});
  EXPECT_EQ(failed(found), Names{});
  EXPECT_TRUE(found.trusted());
  question.nonce = to_bytes(as_view("another"));
  EXPECT_EQ(failed(judge_azure(question, {})), Names{"quote.nonce"});
  auto other = read_file(folder + "other-ak.msg"), other_signature = read_file(folder + "other-ak.rawsig");
  ASSERT_TRUE(other && other_signature);
  question.nonce.reset();
  question.quote = *other;
  question.signature = *other_signature;
  EXPECT_EQ(failed(judge_azure(question, {})), (Names{"quote.signature", "azure.quote"}));
  question.quote = question.signature = {};
  for (const char* bad : {"bad-akpub-hcl-report.bin", "bad-vardata-hcl-report.bin"}) {
    auto changed = read_file(folder + bad);
    question.hcl = *changed;
    Names names = failed(judge_azure(question, {}));
    EXPECT_NE(std::ranges::find(names, "azure.claims-binding"), names.end()) << bad;
  }
}

}  // namespace
}  // namespace attest
