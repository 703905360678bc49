// Attacks on the evidence of an Azure confidential VM in a handshake: hardware vouches for claims, claims for the key that quotes.
// Root in the guest holds all of it but the keys, and claims are the same at every connection.
#include <gtest/gtest.h>

#include "evidence/azure/anchor.h"
#include "evidence/core/hex.h"
#include "evidence/dcap/anchor.h"
#include "test/support/azure_maker.h"
#include "test/support/dcap_maker.h"
#include "test/support/evidence_maker.h"
#include "test/support/snp_samples.h"
#include "verifier/azure/checks.h"

namespace attest {
namespace {
using namespace attest::test;

const RsaAk& platform_key() {
  static const RsaAk made = make_rsa_ak();
  return made;
}

// Vm is a world whose machine is a confidential VM; no key is pinned and no issuer trusted: hardware alone vouches.
struct Vm {
  Vm() {
    PeerRule& rule = world.rule();
    rule.ak_names.clear();
    rule.required_anchors = rule.allowed_anchors = {AnchorKind::tpm, AnchorKind::azure};
    world.x509_ok = true;
    world.policy.ak_trust.reset();
    world.policy.snp_trust = std::make_shared<const SnpTrust>(snp_trust("turin"));
    claims = hcl_claims(ak.modulus);
    machine().tamper_anchor = [this](TpmAnchor& a) {
      a.ak_public = ak.public_area;
      a.signature = ak.sign(a.attest);
    };
    machine().tamper_context = [this](ReportContext& c) {
      c.anchors = {{AnchorKind::tpm, ak.name()}};
      if (hcl().empty()) return;
      auto id = azure_identity(hcl());
      c.anchors.push_back({AnchorKind::azure, id ? *id : Bytes(32)});
    };
  }
  Machine& machine() { return world.machine; }
  virtual ~Vm() = default;
  virtual Bytes hcl() { return hcl_report(claims, vmpl); }
  virtual AzureAnchor anchor() { return {hcl(), {snp_certificate("vcek-turin.pem")}, {}}; }
  Evidence evidence() {
    Evidence out = attest_machine(machine(), world.binder());
    AzureAnchor azure = anchor();
    if (bend) bend(azure);
    out.anchors.push_back(std::move(azure));
    return out;
  }
  std::string name() { return name_of(world.judge(evidence())); }
  World world;
  RsaAk ak = platform_key();
  std::string claims;
  unsigned vmpl = 0;
  std::function<void(AzureAnchor&)> bend;
};

TEST(AzureForgery, TheHonestMachineIsTrusted) {
  Vm vm;
  Appraisal appraisal = vm.world.judge(vm.evidence());
  EXPECT_EQ(name_of(appraisal), "");
  EXPECT_EQ(appraisal.anchors.size(), 2U);
  auto encoded = encode_evidence(vm.evidence());
  ASSERT_TRUE(encoded);
  for (std::size_t cut : {std::size_t{1}, std::size_t{100}})
    EXPECT_EQ(name_of(vm.world.judge_bytes(View(*encoded).first(encoded->size() - cut))), "evidence.malformed");
  Bytes longer = *encoded;
  longer.push_back(0);
  EXPECT_EQ(name_of(vm.world.judge_bytes(longer)), "evidence.malformed");
}

TEST(AzureForgery, QuotesOfOtherHandshakesAreRefused) {
  Vm vm;
  Evidence old = vm.evidence();
  vm.world.inputs.server_random[0] ^= 1;
  EXPECT_EQ(name_of(vm.world.judge(old)), "quote.not-fresh");
}

// A key of root's own beside genuine claims, and genuine claims of another machine beside the key.
TEST(AzureForgery, ClaimsForAnotherKeyVouchForNothing) {
  Vm vm;
  vm.ak = make_rsa_ak();
  EXPECT_EQ(vm.name(), "azure.ak-given");
}

TEST(AzureForgery, ClaimsThatNoHardwareBindsAreRefused) {
  Vm vm;
  vm.bend = [&](AzureAnchor& a) { a.hcl[a.hcl.size() - 3] = '1'; };
  EXPECT_EQ(vm.name(), "azure.claims-binding");
  Vm signed_by_guest;  // below the paravisor anybody gets reports over any data
  signed_by_guest.vmpl = 2;
  EXPECT_EQ(signed_by_guest.name(), "snp.vmpl");
  Vm flipped;
  flipped.bend = [](AzureAnchor& a) { a.hcl[32 + 0x90] ^= 1; };
  EXPECT_EQ(flipped.name(), "snp.signature");
  Vm bare;
  bare.bend = [](AzureAnchor& a) { a.certificates.clear(); };
  EXPECT_FALSE(bare.name().empty());
  Vm untrusting;
  untrusting.world.policy.snp_trust = std::make_shared<const SnpTrust>(*SnpTrust::built_in());
  EXPECT_EQ(untrusting.name(), "snp.chain");
}

TEST(AzureForgery, SettingsOfTheMachineAreDemanded) {
  Vm vm;
  vm.world.policy.azure.configuration = {{"secure-boot", "true"}};
  EXPECT_EQ(vm.name(), "");
  vm.world.policy.azure.configuration = {{"secure-boot", "false"}};
  EXPECT_EQ(vm.name(), "azure.configuration");
}

TEST(AzureForgery, OneHalfAloneIsRefused) {
  Vm alone;  // claims without a quote: the same at every connection
  Evidence evidence = alone.evidence();
  alone.world.rule().allowed_anchors = alone.world.rule().required_anchors = {AnchorKind::azure};
  EXPECT_FALSE(name_of(alone.world.judge(evidence)).empty());
  Vm unasked;  // a rule that does not name azure trusts no key for its sake
  unasked.world.rule().allowed_anchors = unasked.world.rule().required_anchors = {AnchorKind::tpm};
  EXPECT_FALSE(unasked.name().empty());
  Vm other;
  other.machine().tamper_context = [&](ReportContext& c) {
    c.anchors = {{AnchorKind::tpm, other.ak.name()}, {AnchorKind::azure, Bytes(32, 7)}};
  };
  EXPECT_EQ(other.name(), "evidence.inconsistent");
}

// The paravisor's own measurement counts where the manifests have references for it.
TEST(AzureForgery, TheParavisorsLaunchIsMeasuredWhereReferencesNameIt) {
  ReferenceValue launch;
  launch.anchor = AnchorKind::snp;
  launch.name = "paravisor";
  launch.hashes = {{HashAlg::sha384, Digest::of(Bytes(48, 'm'))}};
  Vm vm;
  vm.world.os.manifest.references.push_back(launch);
  vm.world.sign_all();
  EXPECT_EQ(vm.name(), "");
  vm.world.os.manifest.references.back().hashes = {{HashAlg::sha384, Digest::of(Bytes(48, 'x'))}};
  vm.world.sign_all();
  EXPECT_EQ(vm.name(), "snp.measurement");
  vm.world.os.manifest.references.back().anchor = AnchorKind::tdx;
  vm.world.sign_all();
  EXPECT_EQ(vm.name(), "anchor.missing");
}

// TdxVm's processor is Intel's: a TD quote binds the claims.
struct TdxVm : Vm {
  TdxVm() {
    intel.from = world.now - 86400;
    intel.until = world.now + 86400;
    auto roots = Issuers::make({intel.root_der()});
    auto checked = CheckedCollateral::make(intel.collateral(intel.tcb_info(), intel.identity()), *roots);
    world.policy.dcap_trust = std::make_shared<const DcapTrust>(DcapTrust{*roots, *std::move(checked)});
  }
  Bytes hcl() override { return hcl_report(claims, 0, true); }
  AzureAnchor anchor() override {
    Bytes data = claims_digest(*parse_hcl_report(hcl()));
    std::ranges::copy(data, spec.td.report_data.begin());
    return {hcl(), {}, intel.quote(spec)};
  }
  DcapWorld intel;
  DcapQuoteSpec spec;
};

TEST(AzureForgery, OnTdxAQuoteBindsTheClaims) {
  TdxVm vm;
  EXPECT_EQ(vm.name(), "");
  vm.bend = [](AzureAnchor& a) { a.td_quote[200] ^= 1; };
  EXPECT_EQ(vm.name(), "tdx.quote-signature");
  vm.bend = [](AzureAnchor& a) { a.td_quote.clear(); };
  EXPECT_EQ(vm.name(), "tdx.form");
  TdxVm of_others;
  of_others.bend = [&](AzureAnchor& a) {
    of_others.spec.td.report_data = {};
    a.td_quote = of_others.intel.quote(of_others.spec);
  };
  EXPECT_EQ(of_others.name(), "tdx.nonce");
}

}  // namespace
}  // namespace attest
