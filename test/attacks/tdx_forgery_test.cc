// Attacks on TDX and SGX evidence in a handshake: everything a root user on the peer, or its host, could hand
// over.
#include <gtest/gtest.h>

#include "evidence/core/hex.h"
#include "evidence/dcap/anchor.h"
#include "test/support/dcap_maker.h"
#include "test/support/evidence_maker.h"

namespace attest {
namespace {
using namespace attest::test;

ReferenceValue reference(AnchorKind anchor, std::uint32_t reg, View digest, HashAlg alg = HashAlg::sha384,
                         bool optional = false) {
  ReferenceValue value;
  value.anchor = anchor;
  value.reg = reg;
  value.name = "register " + std::to_string(reg);
  value.optional = optional;
  value.hashes = {{alg, Digest::of(digest)}};
  return value;
}

// ccel_log is a CCEL area with one event for each (register 1 to 4, fill).
Bytes ccel_log(const std::vector<std::pair<std::uint32_t, std::uint8_t>>& events) {
  Writer out, spec;
  spec.put(as_view(std::string_view("Spec ID Event03\0", 16)));
  spec.u32le(0);
  spec.put(Bytes{0, 2, 0, 2});
  spec.u32le(1);
  spec.u16le(0x0c);
  spec.u16le(48);
  spec.u8(0);
  Bytes head = *std::move(spec).finish("spec");
  out.u32le(1);
  out.u32le(3);
  out.put(Bytes(20));
  out.u32le(static_cast<std::uint32_t>(head.size()));
  out.put(head);
  for (auto [reg, fill] : events) {
    out.u32le(reg);
    out.u32le(0x80000003);
    out.u32le(1);
    out.u16le(0x0c);
    out.put(Bytes(48, fill));
    out.u32le(0);
  }
  return *std::move(out).finish("log");
}

Block<48> extended(std::initializer_list<std::uint8_t> fills) {
  Digest value = Digest::filled(HashAlg::sha384, 0);
  for (std::uint8_t fill : fills) value = hash_of(HashAlg::sha384, {value.view(), Bytes(48, fill)});
  Block<48> out;
  std::ranges::copy(value.view(), out.begin());
  return out;
}

// Td is a world whose machine is a TDX guest with three events in RTMR0 and RTMR1; what it sends can be bent.
struct Td {
  Td() {
    intel.from = world.now - 86400;
    intel.until = world.now + 86400;
    for (auto& rtmr : spec.td.rtmr) rtmr = {};
    spec.td.rtmr[0] = extended({1, 2});
    spec.td.rtmr[1] = extended({3});
    log = ccel_log({{1, 1}, {1, 2}, {2, 3}});
    world.firmware.manifest.references.clear();
    world.os.manifest.references = {
        reference(AnchorKind::tdx, 0, spec.td.mr_td), reference(AnchorKind::tdx, 1, Bytes(48, 1)),
        reference(AnchorKind::tdx, 1, Bytes(48, 2)), reference(AnchorKind::tdx, 2, Bytes(48, 3))};
    world.sign_all();
    PeerRule& rule = world.rule();
    rule.required_anchors = rule.allowed_anchors = {AnchorKind::tdx};
    rule.ak_names = {to_hex(id)};
    trust();
  }
  void trust() {
    auto roots = Issuers::make({intel.root_der()});
    auto checked = CheckedCollateral::make(intel.collateral(intel.tcb_info(), intel.identity()), *roots);
    world.policy.dcap_trust = std::make_shared<const DcapTrust>(DcapTrust{*roots, *std::move(checked)});
  }
  Evidence evidence() {
    Evidence out;
    ReportContext context = context_of(world.machine);
    context.anchors = {{AnchorKind::tdx, id}};
    context.pcrs.reset();
    out.context = *encode_context(context);
    MerkleTree batch = *MerkleTree::make({evidence_hash(world.binder(), out.context)});
    out.path = batch.path(0);
    Bytes data = dcap_report_data(batch_qualifying_data(batch.root()));
    std::ranges::copy(data, spec.td.report_data.begin());
    TdxAnchor anchor{intel.quote(spec), log};
    if (bend) bend(anchor);
    out.anchors = {std::move(anchor)};
    return out;
  }
  std::string name() { return name_of(world.judge(evidence())); }
  World world;
  DcapWorld intel;
  DcapQuoteSpec spec;
  Bytes log;
  Bytes id = to_bytes(sha256(View(Bytes(16, 0x11))).view());
  std::function<void(TdxAnchor&)> bend;
};

TEST(TdxForgery, TheHonestGuestIsTrusted) {
  Td td;
  Appraisal appraisal = td.world.judge(td.evidence());
  EXPECT_EQ(name_of(appraisal), "");
  EXPECT_EQ(appraisal.events, 4U);
  auto encoded = encode_evidence(td.evidence());
  ASSERT_TRUE(encoded);
  EXPECT_EQ(name_of(td.world.judge_bytes(*encoded)), "");
  for (std::size_t cut : {std::size_t{1}, std::size_t{100}})
    EXPECT_EQ(name_of(td.world.judge_bytes(View(*encoded).first(encoded->size() - cut))),
              "evidence.malformed");
}

TEST(TdxForgery, WithoutALogTheReferencesMustGiveTheRegisters) {
  Td td;
  td.log.clear();
  EXPECT_EQ(td.name(), "");
  std::swap(td.world.os.manifest.references[1], td.world.os.manifest.references[2]);
  td.world.sign_all();
  EXPECT_EQ(td.name(), "tdx.measurements") << "extended in another order";
}

TEST(TdxForgery, QuotesOfOtherHandshakesAreRefused) {
  Td td;
  Evidence old = td.evidence();
  td.world.inputs.server_random[0] ^= 1;
  EXPECT_EQ(name_of(td.world.judge(old)), "tdx.nonce");
}

TEST(TdxForgery, ChangedQuotesAndForeignPlatformsAreRefused) {
  Td flipped;
  flipped.bend = [](TdxAnchor& a) { a.quote[200] ^= 1; };
  EXPECT_EQ(flipped.name(), "tdx.quote-signature");
  Td longer;
  longer.bend = [](TdxAnchor& a) { a.quote.push_back(0); };
  EXPECT_EQ(longer.name(), "tdx.form");
  Td foreign;
  DcapWorld other;
  foreign.bend = [&](TdxAnchor& a) { a.quote = other.quote(foreign.spec); };
  EXPECT_EQ(foreign.name(), "tdx.pck-chain");
  Td untrusting;
  untrusting.world.policy.dcap_trust.reset();
  EXPECT_EQ(untrusting.name(), "tdx.pck-chain");
  Td no_collateral;
  no_collateral.world.policy.dcap_trust =
      std::make_shared<const DcapTrust>(DcapTrust{*Issuers::make({no_collateral.intel.root_der()}), {}});
  EXPECT_EQ(no_collateral.name(), "tdx.collateral");
  no_collateral.world.policy.dcap.tcb.collateral_required = false;
  EXPECT_EQ(no_collateral.name(), "");
}

TEST(TdxForgery, AnEnclaveCannotSpeakForAGuest) {
  Td td;
  td.bend = [&](TdxAnchor& a) {
    DcapQuoteSpec spec = td.spec;
    spec.tee = TeeType::sgx;
    spec.version = 3;
    a.quote = td.intel.quote(spec);
  };
  EXPECT_EQ(td.name(), "tdx.form");
}

TEST(TdxForgery, DebugAndOldPlatformsAreRefused) {
  Td debug;
  debug.spec.td.td_attributes[0] = 1;
  EXPECT_EQ(debug.name(), "tdx.debug");
  Td old;
  old.spec.td.tee_tcb_svn = {3, 1, 7};
  EXPECT_EQ(old.name(), "tdx.tcb-status");
  Td stale;
  stale.intel.until = stale.world.now - 1;
  stale.trust();
  EXPECT_EQ(stale.name(), "tdx.collateral-time");
}

TEST(TdxForgery, AnotherMachineUnderThisNameIsRefused) {
  Td moved;
  moved.world.rule().ak_names = {std::string(64, 'a')};
  EXPECT_EQ(moved.name(), "ak.untrusted");
  Td denied;
  denied.world.policy.denied_aks = {to_hex(denied.id)};
  EXPECT_EQ(denied.name(), "ak.denied");
  Td renamed;
  renamed.id[0] ^= 1;
  renamed.world.rule().ak_names = {to_hex(renamed.id)};
  EXPECT_EQ(renamed.name(), "evidence.inconsistent");
}

TEST(TdxForgery, LogsThatDoNotExplainTheRegistersAreRefused) {
  Td left_out;
  left_out.log = ccel_log({{1, 1}, {2, 3}});
  EXPECT_EQ(left_out.name(), "tdx.rtmr-replay");
  Td swapped;
  swapped.log = ccel_log({{1, 2}, {1, 1}, {2, 3}});
  EXPECT_EQ(swapped.name(), "tdx.rtmr-replay");
  Td whole_register;  // the log keeps quiet about RTMR1: its references have to give it, and they do
  whole_register.log = ccel_log({{1, 1}, {1, 2}});
  EXPECT_EQ(whole_register.name(), "");
  Td hidden;
  hidden.spec.td.rtmr[3] = extended({9});
  EXPECT_EQ(hidden.name(), "tdx.measurements") << "a register nobody has a log or references of";
  Td garbage;
  garbage.log = Bytes(100, 1);
  EXPECT_EQ(garbage.name(), "log.malformed");
}

TEST(TdxForgery, EventsOutsideTheReferencesAreRefused) {
  Td more;
  more.spec.td.rtmr[1] = extended({3, 4});
  more.log = ccel_log({{1, 1}, {1, 2}, {2, 3}, {2, 4}});
  Appraisal appraisal = more.world.judge(more.evidence());
  EXPECT_EQ(name_of(appraisal), "tdx.measurements");
  ASSERT_EQ(appraisal.verdict.mismatches().size(), 1U);
  EXPECT_EQ(appraisal.verdict.mismatches().front().measured_digest, to_hex(Bytes(48, 4)));
  Td twice;  // a reference stands for one event
  twice.spec.td.rtmr[1] = extended({3, 3});
  twice.log = ccel_log({{1, 1}, {1, 2}, {2, 3}, {2, 3}});
  EXPECT_EQ(twice.name(), "tdx.measurements");
  Td less;
  less.spec.td.rtmr[0] = extended({1});
  less.log = ccel_log({{1, 1}, {2, 3}});
  EXPECT_EQ(less.name(), "tdx.measurements");
  Td elsewhere;  // the same event in another register
  elsewhere.spec.td.rtmr[0] = extended({1, 2, 3});
  elsewhere.spec.td.rtmr[1] = {};
  elsewhere.log = ccel_log({{1, 1}, {1, 2}, {1, 3}});
  EXPECT_EQ(elsewhere.name(), "tdx.measurements");
  Td other_firmware;
  other_firmware.spec.td.mr_td[0] ^= 1;
  EXPECT_EQ(other_firmware.name(), "tdx.measurements");
  Td unnamed;  // manifests that say nothing of the guest prove nothing about it
  unnamed.world.os.manifest.references.clear();
  unnamed.world.sign_all();
  EXPECT_EQ(unnamed.name(), "tdx.measurements");
}

TEST(SgxForgery, TheEnclaveMustBeInTheReferences) {
  Td machine;
  World& world = machine.world;
  machine.spec.tee = TeeType::sgx;
  machine.spec.version = 3;
  world.os.manifest.references = {
      reference(AnchorKind::sgx, 0, machine.spec.enclave.mr_enclave, HashAlg::sha256)};
  world.sign_all();
  world.rule().required_anchors = world.rule().allowed_anchors = {AnchorKind::sgx};
  auto roots = Issuers::make({machine.intel.root_der()});
  auto checked = CheckedCollateral::make(
      machine.intel.collateral(machine.intel.tcb_info("SGX"), machine.intel.identity("QE")), *roots);
  world.policy.dcap_trust = std::make_shared<const DcapTrust>(DcapTrust{*roots, *std::move(checked)});
  auto name = [&] {
    Evidence out;
    ReportContext context = context_of(world.machine);
    context.anchors = {{AnchorKind::sgx, machine.id}};
    context.pcrs.reset();
    out.context = *encode_context(context);
    MerkleTree batch = *MerkleTree::make({evidence_hash(world.binder(), out.context)});
    out.path = batch.path(0);
    std::ranges::copy(dcap_report_data(batch_qualifying_data(batch.root())),
                      machine.spec.enclave.report_data.begin());
    out.anchors = {SgxAnchor{machine.intel.quote(machine.spec)}};
    auto encoded = encode_evidence(out);
    return encoded ? name_of(world.judge_bytes(*encoded)) : encoded.error().what;
  };
  EXPECT_EQ(name(), "");
  machine.spec.enclave.mr_enclave[3] ^= 1;
  EXPECT_EQ(name(), "sgx.measurements");
  machine.spec.enclave.mr_enclave[3] ^= 1;
  machine.spec.enclave.attributes[0] |= 2;
  EXPECT_EQ(name(), "sgx.debug");
  machine.spec.enclave.attributes[0] = 5;
  world.policy.dcap.sgx.min_isv_svn = 1;
  EXPECT_EQ(name(), "sgx.identity");
}

}  // namespace
}  // namespace attest
