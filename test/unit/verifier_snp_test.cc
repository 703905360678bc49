// What is wrong with a SEV-SNP report is told by name, and every demand of a policy can fail.
#include <gtest/gtest.h>

#include "evidence/core/hex.h"
#include "evidence/snp/anchor.h"
#include "test/support/snp_samples.h"
#include "verifier/snp/checks.h"
#include "verifier/snp/judge.h"

namespace attest {
namespace {
using namespace attest::test;

struct Asked {
  std::string product = "turin", key = "vcek-turin.pem";
  UnixTime when = kSnpNow;
  std::optional<Bytes> nonce = std::nullopt;
};

SnpFindings judge(const Bytes& report, const std::string& policy = "", const Asked& asked = {}) {
  auto parsed = parse_snp_policy(policy, "policy");
  if (!parsed) ADD_FAILURE() << parsed.error().what;
  static std::map<std::string, SnpTrust> trusts;
  auto trust = trusts.find(asked.product);
  if (trust == trusts.end()) trust = trusts.emplace(asked.product, snp_trust(asked.product)).first;
  SnpCase question{report, {}, {}, &trust->second, asked.when, asked.nonce};
  Bytes key = asked.key.empty() ? Bytes{} : snp_certificate(asked.key);
  question.key_der = key;
  return judge_snp(question, *parsed);
}

std::vector<std::string> failed(const Findings& findings) {
  std::vector<std::string> out;
  for (const Finding& f : findings.checks)
    if (f.outcome == Outcome::fail) out.push_back(f.id);
  return out;
}

using Names = std::vector<std::string>;
Bytes turin(const std::function<void(Bytes&)>& change = [](Bytes&) {}) { return snp_resigned("turin-v5-report.bin", change); }

TEST(SnpJudge, GenuineReportPasses) {
  SnpFindings found = judge(turin());
  EXPECT_EQ(failed(found), Names{});
  EXPECT_TRUE(found.trusted());
  EXPECT_TRUE(found.verified && found.key);
  EXPECT_EQ(found.tcb_matches, true);
  EXPECT_EQ(found.chip_matches, true);
  EXPECT_EQ(to_hex(snp_identity(*found.report, *found.certificate)).substr(0, 18), "a0a1a2a3a4a5a6a700");
}

TEST(SnpJudge, IntegrityFailuresHaveNames) {
  Bytes good = turin();
  EXPECT_EQ(failed(judge(Bytes(good.begin(), good.begin() + 1000))), Names{"snp.report"});
  Bytes flipped = good;
  flipped[0x90] ^= 1;
  SnpFindings forged = judge(flipped);
  EXPECT_EQ(failed(forged), Names{"snp.signature"});
  EXPECT_FALSE(forged.verified);
  EXPECT_EQ(failed(judge(good, "", {"turin", ""})), Names{"snp.certificate"});
  EXPECT_EQ(failed(judge(good, "", {"turin", "ask-turin.pem"})), Names{"snp.certificate"});
  EXPECT_EQ(failed(judge(good, "", {"turin", "vcek-turin.pem", 1700000000})), Names{"snp.chain"});
  EXPECT_EQ(failed(judge(good, "", {"milan", "vcek-turin.pem"})), Names{"snp.chain"});
  Asked nonce;
  nonce.nonce = to_bytes(as_view("report data of a synthetic report"));
  EXPECT_EQ(failed(judge(good, "", nonce)), Names{});
  nonce.nonce = to_bytes(as_view("report data of a synthetic repor"));
  EXPECT_EQ(failed(judge(good, "", nonce)), Names{"snp.nonce"});
}

// Another TCB under the same key, the FMC of Turin included: what the certificate says decides.
TEST(SnpJudge, TcbIsTheCertificates) {
  for (std::size_t part : {0, 1, 2, 3, 7}) {
    SnpFindings found = judge(turin([&](Bytes& r) { r[0x180 + part]--; }));
    EXPECT_EQ(failed(found), Names{"snp.tcb-certificate"}) << part;
    EXPECT_EQ(found.tcb_matches, false);
  }
  EXPECT_EQ(failed(judge(turin([](Bytes& r) { r[0x184] = 1; }))), Names{"snp.tcb-certificate"}) << "a reserved byte";
  EXPECT_EQ(failed(judge(turin([](Bytes& r) { r[0x180]++; }))), (Names{"snp.tcb-certificate", "snp.tcb-order"}));
  EXPECT_EQ(failed(judge(turin([](Bytes& r) { r[0x1e0 + 7]++; }))), Names{"snp.tcb-order"});
}

TEST(SnpJudge, ChipAndProcessorAreTheCertificates) {
  SnpFindings other = judge(turin([](Bytes& r) { r[0x1a0] ^= 1; }));
  EXPECT_EQ(failed(other), Names{"snp.chip-id"});
  EXPECT_EQ(failed(judge(turin([](Bytes& r) { r[0x1a0 + 8] = 1; }))), Names{"snp.chip-id"}) << "behind Turin's eight bytes";
  SnpFindings masked = judge(turin([](Bytes& r) { std::fill(r.begin() + 0x1a0, r.begin() + 0x1e0, std::uint8_t{0}); }));
  EXPECT_EQ(failed(masked), Names{});
  EXPECT_FALSE(masked.chip_matches.has_value());
  EXPECT_EQ(snp_identity(*masked.report, *masked.certificate).size(), 32U);
  Names processor = failed(judge(turin([](Bytes& r) { r[0x188] = 0x19; })));
  EXPECT_EQ(processor, Names{"snp.product"});
  EXPECT_EQ(failed(judge(turin([](Bytes& r) { r[0x188] = 0x1b; }))), Names{"snp.product"}) << "an unknown one";
}

TEST(SnpJudge, AVlekNamesAProviderAndNoChip) {
  Asked vlek{"turin", "vlek-turin.pem"};
  Bytes report = snp_fixture("turin-v5-vlek-report.bin");
  SnpFindings found = judge(report, R"({"providers": ["CN=synthetic.example"], "keys": ["vlek"]})", vlek);
  EXPECT_EQ(failed(found), Names{});
  EXPECT_FALSE(found.chip_matches.has_value());
  EXPECT_EQ(failed(judge(report, R"({"providers": ["CN=other"]})", vlek)), Names{"snp.provider"});
  EXPECT_EQ(failed(judge(report, R"({"keys": ["vcek"]})", vlek)), Names{"snp.key-kind"});
  EXPECT_EQ(failed(judge(turin(), R"({"keys": ["vlek"], "providers": ["CN=synthetic.example"]})")),
            (Names{"snp.key-kind", "snp.provider"}));
  // The same key signs both: only what the report says of it differs.
  EXPECT_EQ(failed(judge(report, "", {"turin", "vcek-turin.pem"})), Names{"snp.signing-key"});
}


TEST(SnpPolicyDemands, EachPassesAndFails) {
  auto hex = [](char c, int n) {
    std::string out;
    for (int i = 0; i < n; i++) out += to_hex(as_view(std::string_view(&c, 1)));
    return out;
  };
  auto list = [&](const char* key, char c, int n) { return std::string("{\"") + key + "\": [\"" + hex(c, n) + "\"]}"; };
  std::string chip = "{\"chips\": [\"a0a1a2a3a4a5a6a7" + std::string(112, '0') + "\"]}";
  const std::tuple<std::string, std::string, std::string> cases[] = {
      {R"({"versions": [2, 5]})", R"({"versions": [2, 4]})", "snp.version"},
      {R"({"guest": {"smt": true}})", R"({"guest": {"smt": false}})", "snp.guest-policy"},
      {R"({"guest": {"cxl": false}})", R"({"guest": {"cxl": true}})", "snp.guest-policy"},
      {R"({"guest": {"debug": false}})", R"({"guest": {"debug": true}})", "snp.debug"},
      {R"({"guest": {"migration": "any"}})", R"({"guest": {"migration": true}})", "snp.migration"},
      {R"({"guest": {"abi": "1.55"}})", R"({"guest": {"abi": "1.56"}})", "snp.abi"},
      {R"({"platform": {"ecc": true, "tsme": false}})", R"({"platform": {"tsme": true}})", "snp.platform"},
      {R"({"products": {"turin": {"firmware": "1.55.29"}}})", R"({"products": {"turin": {"firmware": "1.55.30"}}})", "snp.firmware"},
      {R"({"products": {"turin": {"tcb": {"fmc": 1, "ucode": 72}}}})", R"({"products": {"turin": {"tcb": {"fmc": 2}}}})", "snp.tcb"},
      {R"({"products": {"turin": {}}})", R"({"products": {"genoa": {}}})", "snp.product"},
      {R"({"vmpl": [0, 2]})", R"({"vmpl": [1, 2]})", "snp.vmpl"},
      {R"({"mitigations": [0]})", R"({"mitigations": [1]})", "snp.mitigations"},
      {R"({"guest_svn": 7})", R"({"guest_svn": 8})", "snp.guest-svn"},
      {list("measurements", 'm', 48), list("measurements", 'n', 48), "snp.measurement"},
      {list("host_data", 'h', 32), list("host_data", 'n', 32), "snp.host-data"},
      {list("id_keys", 'i', 48), list("id_keys", 'n', 48), "snp.id-key"},
      {list("author_keys", 'a', 48), list("author_keys", 'n', 48), "snp.author-key"},
      {chip, list("chips", 'n', 64), "snp.chip-allowed"},
      {"", R"({"crl": true})", "snp.revocation"},
  };
  Bytes report = turin();
  for (const auto& [fits, refuses, check] : cases) {
    SCOPED_TRACE(check);
    EXPECT_EQ(failed(judge(report, fits)), Names{});
    EXPECT_EQ(failed(judge(report, refuses)), Names{check});
  }
}

TEST(SnpPolicyDemands, WhatIsUnsafeIsRefusedBySilence) {
  auto bit = [](unsigned n) { return turin([&](Bytes& r) { r[8 + n / 8] ^= static_cast<std::uint8_t>(1 << n % 8); }); };
  EXPECT_EQ(failed(judge(bit(19))), Names{"snp.debug"});
  EXPECT_EQ(failed(judge(bit(18))), Names{"snp.migration"});
  EXPECT_EQ(failed(judge(bit(17))), Names{"snp.guest-policy"});
  EXPECT_EQ(failed(judge(turin([](Bytes& r) { r[0x30] = 2; }))), Names{"snp.vmpl"});
  EXPECT_EQ(failed(judge(turin([](Bytes& r) { r[0x48] &= 0xfe; }), "{\"author_keys\": [\"" + std::string(96, '6') + "\"]}")),
            Names{"snp.author-key"}) << "an author key that vouches for nothing";
}

// The version that runs and the one that is committed must each be new enough: their parts are not mixed into a third.
TEST(SnpPolicyDemands, FirmwareVersionsAreNotMixed) {
  Bytes report = turin([](Bytes& r) {
    r[0x1e8] = 0, r[0x1e9] = 56, r[0x1ea] = 1;   // current 1.56.0
    r[0x1ec] = 40, r[0x1ed] = 55, r[0x1ee] = 1;  // committed 1.55.40
  });
  EXPECT_EQ(failed(judge(report, R"({"products": {"turin": {"firmware": "1.55.40"}}})")), Names{});
  EXPECT_EQ(failed(judge(report, R"({"products": {"turin": {"firmware": "1.55.41"}}})")), Names{"snp.firmware"});
}

constexpr const char* kCmc = R"({"reportMinVersion": 2, "reportMaxVersion": 5, %s
  "policy": {"type": "SNP Policy", "singleSocket": false, "debug": false, "migration": false, "smt": true,
             "abiMajor": %d, "abiMinor": %d},
  "versions": [{"name": "Turin", "fw": {"build": 29, "major": 1, "minor": 55},
                "tcb": {"fmc": 1, "bl": 3, "tee": 2, "snp": 5, "ucode": 72}}]})";

std::string cmc(int major, int minor, const char* more) {
  char text[1024];
  std::snprintf(text, sizeof text, kCmc, more, major, minor);
  return text;
}

// The guest policy says 1.55 as AMD counts. CMC reads 55.1, and its tools write that down.
TEST(SnpPolicyDemands, CmcsFormInBothOrders) {
  Bytes report = turin();
  EXPECT_EQ(failed(judge(report, cmc(1, 55, ""))), Names{});
  EXPECT_EQ(failed(judge(report, cmc(55, 1, ""))), Names{"snp.abi"});
  EXPECT_EQ(failed(judge(report, cmc(55, 1, "\"abi_order\": \"cmc\","))), Names{});
  EXPECT_EQ(failed(judge(report, cmc(56, 0, "\"abi_order\": \"cmc\","))), Names{"snp.abi"});
  EXPECT_EQ(failed(judge(turin([](Bytes& r) { r[0x0a] &= 0xfe; }), cmc(1, 55, ""))), Names{"snp.guest-policy"}) << "smt is exact";
}

TEST(SnpPolicyFile, MistakesAreErrors) {
  for (const char* text : {R"({"vmpl": [4]})", R"({"vmpls": [0]})", R"({"measurements": []})", R"({"measurements": ["00"]})",
                           R"({"guest": {"debug": "yes"}})", R"({"products": {"berlin": {}}})", R"({"keys": ["pek"]})",
                           R"({"versions": [5, 2]})", R"({"guest": {"abi": "1"}})", R"({"abi_order": "swapped"})", "[]", "{",
                           R"({"products": {"milan": {"firmware": "1.2.3.4"}}})", R"({"reportMinVersion": 2})"})
    EXPECT_FALSE(parse_snp_policy(text, "policy")) << text;
  EXPECT_TRUE(parse_snp_policy("{}", "policy"));
  EXPECT_TRUE(parse_snp_policy("null", "policy"));
}

}  // namespace
}  // namespace attest
