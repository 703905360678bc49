// Attacks on SEV-SNP evidence in a handshake: everything a root user on the peer, or a host, could hand over. Every refusal is the
// one that is due, because a test that only asks "refused?" passes for the wrong reason too.
#include <gtest/gtest.h>

#include "evidence/core/hex.h"
#include "evidence/snp/anchor.h"
#include "test/support/evidence_maker.h"
#include "test/support/snp_samples.h"
#include "verifier/snp/checks.h"

namespace attest {
namespace {
using namespace attest::test;

ReferenceValue launch_reference(char fill) {
  ReferenceValue value;
  value.anchor = AnchorKind::snp;
  value.name = "launch of the guest";
  value.hashes = {{HashAlg::sha384, Digest::of(Bytes(48, static_cast<std::uint8_t>(fill)))}};
  return value;
}

// Guest is a world whose machine is an SEV-SNP guest, its policy pins the chip, and what it sends can be bent.
struct Guest {
  Guest() {
    world.firmware.manifest.references.clear();
    world.os.manifest.references = {launch_reference('m')};
    world.sign_all();
    PeerRule& rule = world.rule();
    rule.required_anchors = rule.allowed_anchors = {AnchorKind::snp};
    rule.ak_names = {to_hex(id)};
    world.policy.snp_trust = std::make_shared<const SnpTrust>(snp_trust("turin"));
  }
  Evidence evidence() {
    Evidence out;
    ReportContext context = context_of(world.machine);
    context.anchors = {{AnchorKind::snp, id}};
    context.pcrs.reset();
    out.context = *encode_context(context);
    MerkleTree batch = *MerkleTree::make({evidence_hash(world.binder(), out.context)});
    out.path = batch.path(0);
    Bytes data = snp_report_data(batch_qualifying_data(batch.root()));
    SnpAnchor anchor;
    anchor.report = snp_resigned(report, [&](Bytes& r) {
      std::copy(data.begin(), data.end(), r.begin() + 0x50);
      if (change) change(r);
    });
    anchor.certificates = {snp_certificate(key)};
    if (bend) bend(anchor);
    out.anchors = {std::move(anchor)};
    return out;
  }
  std::string name() { return name_of(world.judge(evidence())); }
  World world;
  Bytes id = *from_hex("a0a1a2a3a4a5a6a7" + std::string(112, '0'));
  std::string report = "turin-v5-report.bin", key = "vcek-turin.pem";
  std::function<void(Bytes&)> change;     // before it is signed: what other firmware or another host would say
  std::function<void(SnpAnchor&)> bend;   // after
};

TEST(SnpForgery, TheHonestGuestIsTrusted) {
  Guest guest;
  Appraisal appraisal = guest.world.judge(guest.evidence());
  EXPECT_EQ(name_of(appraisal), "");
  EXPECT_EQ(appraisal.anchors.size(), 1U);
  auto encoded = encode_evidence(guest.evidence());
  ASSERT_TRUE(encoded);
  EXPECT_EQ(name_of(guest.world.judge_bytes(*encoded)), "");
  for (std::size_t cut : {std::size_t{1}, std::size_t{100}})
    EXPECT_EQ(name_of(guest.world.judge_bytes(View(*encoded).first(encoded->size() - cut))), "evidence.malformed");
}

TEST(SnpForgery, ReportsOfOtherHandshakesAreRefused) {
  Guest guest;
  guest.bend = [&, recorded = snp_fixture("turin-v5-report.bin")](SnpAnchor& a) { a.report = recorded; };
  EXPECT_EQ(guest.name(), "snp.nonce");
  Guest other;
  Evidence old = other.evidence();
  other.world.inputs.server_random[0] ^= 1;
  EXPECT_EQ(name_of(other.world.judge(old)), "snp.nonce");
}

TEST(SnpForgery, ChangedReportsAndForeignKeysAreRefused) {
  Guest flipped;
  flipped.bend = [](SnpAnchor& a) { a.report[0x90] ^= 1; };
  EXPECT_EQ(flipped.name(), "snp.signature");
  Guest genoa;
  genoa.key = "vcek-genoa.pem";
  EXPECT_EQ(genoa.name(), "snp.chain");
  Guest amd;  // the synthetic authorities are not AMD's
  amd.world.policy.snp_trust = std::make_shared<const SnpTrust>(*SnpTrust::built_in());
  amd.bend = [](SnpAnchor& a) { a.certificates.push_back(snp_certificate("ark-turin.pem")); };
  EXPECT_EQ(amd.name(), "snp.chain");
  Guest silent;
  silent.world.policy.snp_trust.reset();
  EXPECT_EQ(silent.name(), "snp.chain");
  Guest none;
  none.bend = [](SnpAnchor& a) { a.certificates.clear(); };
  EXPECT_EQ(none.name(), "evidence.malformed");
  Guest revoked;
  revoked.world.now = kSnpNow;
  revoked.world.policy.snp_trust = std::make_shared<const SnpTrust>(snp_trust("turin", {snp_fixture("crl-turin-revoked.der")}));
  EXPECT_TRUE(revoked.name() == "snp.chain" || revoked.name().starts_with("metadata")) << revoked.name();
}

// Old firmware with a hole, under a key whose certificate is for the fixed one: each part, Turin's FMC included.
TEST(SnpForgery, OtherFirmwareUnderTheSameCertificateIsRefused) {
  for (std::size_t part : {0, 1, 2, 3, 7}) {
    Guest guest;
    guest.change = [&](Bytes& r) { r[0x180 + part]--; };
    EXPECT_EQ(guest.name(), "snp.tcb-certificate") << part;
  }
}

TEST(SnpForgery, WhoeverReadsTheGuestsMemoryIsRefused) {
  for (auto [bit, name] : {std::pair{19, "snp.debug"}, std::pair{18, "snp.migration"}}) {
    Guest guest;
    guest.change = [b = bit](Bytes& r) { r[8 + static_cast<std::size_t>(b) / 8] |= static_cast<std::uint8_t>(1 << b % 8); };
    EXPECT_EQ(guest.name(), name);
  }
  Guest below;
  below.change = [](Bytes& r) { r[0x30] = 2; };
  EXPECT_EQ(below.name(), "snp.vmpl");
}

TEST(SnpForgery, AnotherMachineUnderThisNameIsRefused) {
  Guest moved;
  moved.world.rule().ak_names = {std::string(128, 'a')};
  EXPECT_EQ(moved.name(), "ak.untrusted");
  Guest denied;
  denied.world.policy.denied_aks = {to_hex(denied.id)};
  EXPECT_EQ(denied.name(), "ak.denied");
  Guest renamed;
  renamed.id[0] ^= 1;
  renamed.world.rule().ak_names = {to_hex(renamed.id)};
  EXPECT_EQ(renamed.name(), "evidence.inconsistent");
  Guest swapped;
  swapped.change = [](Bytes& r) { r[0x1a0] ^= 1; };
  EXPECT_EQ(swapped.name(), "snp.chip-id");
}

TEST(SnpForgery, AnotherGuestIsRefusedEvenWithThisImagesMetadata) {
  Guest other;
  other.change = [](Bytes& r) { r[0x90] ^= 1; };
  Appraisal appraisal = other.world.judge(other.evidence());
  EXPECT_EQ(name_of(appraisal), "snp.measurement");
  ASSERT_EQ(appraisal.verdict.mismatches().size(), 1U);
  EXPECT_EQ(appraisal.verdict.mismatches().front().expected_digest, to_hex(Bytes(48, 'm')));
  Guest unnamed;  // manifests that say nothing of the launch prove nothing about the guest
  unnamed.world.os.manifest.references.clear();
  unnamed.world.sign_all();
  EXPECT_EQ(unnamed.name(), "snp.measurement");
}

// An anchor that is left out although the manifests have references for it is missed, whatever else came.
TEST(SnpForgery, ALeftOutAnchorIsMissed) {
  Guest guest;
  World& world = guest.world;
  world.rule().required_anchors = {AnchorKind::tpm};
  world.rule().allowed_anchors = {AnchorKind::tpm, AnchorKind::snp};
  world.rule().ak_names = {to_hex(world.machine.ak.identity().id)};
  EXPECT_EQ(name_of(world.judge()), "anchor.missing");
  Guest refused;
  refused.world.rule().allowed_anchors = refused.world.rule().required_anchors = {AnchorKind::tpm};
  EXPECT_EQ(refused.name(), "anchor.not-allowed");
}

// What the signers of the manifests demand holds beside the policy of this machine.
TEST(SnpForgery, ManifestsPoliciesAreEnforced) {
  constexpr const char* kPolicy = R"({"reportMinVersion":2,"reportMaxVersion":5,"policy":{"type":"SNP Policy","singleSocket":false,
    "debug":false,"migration":false,"smt":true,"abiMajor":%MAJOR%,"abiMinor":%MINOR%},"versions":[{"name":"Turin",
    "fw":{"build":29,"major":1,"minor":55},"tcb":{"fmc":%FMC%,"bl":3,"tee":2,"snp":5,"ucode":72}}]})";
  auto policy = [&](const char* major, const char* minor, const char* fmc) {
    std::string text = kPolicy;
    for (auto [name, value] : {std::pair{"%MAJOR%", major}, std::pair{"%MINOR%", minor}, std::pair{"%FMC%", fmc}})
      text.replace(text.find(name), std::string_view(name).size(), value);
    return text;
  };
  for (auto [text, cmc, name] : {std::tuple{policy("1", "55", "1"), false, ""}, std::tuple{policy("1", "55", "2"), false, "snp.tcb"},
                                 std::tuple{policy("55", "1", "1"), false, "snp.abi"}, std::tuple{policy("55", "1", "1"), true, ""}}) {
    Guest guest;
    guest.world.os.manifest.snp_policy = text;
    guest.world.sign_all();
    if (cmc) guest.world.policy.snp.abi_order = AbiOrder::cmc;
    EXPECT_EQ(guest.name(), name) << text;
  }
}

}  // namespace
}  // namespace attest
