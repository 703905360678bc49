// Evidence put together from parts that do not belong together, or with parts left out.
#include <gtest/gtest.h>

#include "evidence/core/hex.h"
#include "test/support/evidence_maker.h"
#include "test/support/recording.h"
#include "verifier/checks.h"

namespace attest {
namespace {

using namespace attest::test;

class Composition : public testing::Test {
 protected:
  Digest qualifying(View context) { return batch_qualifying_data(must(merkle_root(evidence_hash(world.binder(), context), MerklePath{}))); }
  World world;
  OwnedPkey sw_key = make_key("P-256");
};

TEST_F(Composition, EmptyEvidenceIsSilence) { EXPECT_EQ(name_of(world.judge_bytes({})), check::kPeerSilent); }

TEST_F(Composition, TruncatedTrailingAndNonsenseAreMalformed) {
  Bytes good = must(encode_evidence(attest_machine(world.machine, world.binder())));
  ASSERT_EQ(name_of(world.judge_bytes(good)), "");
  for (std::size_t n = 1; n < good.size(); n += 97) EXPECT_EQ(name_of(world.judge_bytes(View(good).first(n))), check::kEvidenceMalformed);
  EXPECT_EQ(name_of(world.judge_bytes(trailed(good))), check::kEvidenceMalformed);
  EXPECT_EQ(name_of(world.judge_bytes(Bytes{0xa0})), check::kEvidenceMalformed);
  EXPECT_EQ(name_of(world.judge_bytes(Bytes(5000, 0x81))), check::kEvidenceMalformed);  // deeply nested
  EXPECT_EQ(name_of(world.judge_bytes(Bytes{0x9a, 0x0f, 0xff, 0xff, 0xff})), check::kEvidenceMalformed);
}

TEST_F(Composition, OversizeIsRefusedUnread) {
  EXPECT_EQ(name_of(world.judge_bytes(Bytes(kMaxEvidence + 1))), check::kEvidenceTooLarge);
}

TEST_F(Composition, NoAnchorIsMalformed) {
  Evidence e = attest_machine(world.machine, world.binder());
  e.anchors.clear();
  EXPECT_EQ(name_of(world.judge(e)), check::kEvidenceMalformed);
}

TEST_F(Composition, DuplicateAnchorIsRefused) {
  Evidence e = attest_machine(world.machine, world.binder());
  e.anchors.push_back(e.anchors[0]);
  EXPECT_EQ(name_of(world.judge(e)), check::kEvidenceInconsistent);
  world.machine.tamper_context = [&](ReportContext& c) { c.anchors.push_back(c.anchors[0]); };
  e.context = must(encode_context(context_of(world.machine)));
  EXPECT_EQ(name_of(world.judge(e)), check::kEvidenceMalformed);
}

// The context promises a second device; its evidence was taken out on the way, or never made.
TEST_F(Composition, AnchorLeftOutIsRefused) {
  world.rule().allowed_anchors = {AnchorKind::tpm, AnchorKind::sw};
  world.machine.tamper_context = [&](ReportContext& c) { c.anchors.push_back(sw_identity_of(sw_key.get())); };
  EXPECT_EQ(name_of(world.judge()), check::kEvidenceInconsistent);
}

TEST_F(Composition, SoftwareEvidenceWhereATpmIsDueIsRefused) {
  world.machine.tamper_context = [&](ReportContext& c) {
    c.anchors = {sw_identity_of(sw_key.get())};
    c.pcrs.reset();
  };
  Evidence e;
  e.context = must(encode_context(context_of(world.machine)));
  e.anchors = {sw_anchor(sw_key.get(), qualifying(e.context))};
  world.rule().ak_names.push_back(to_hex(sw_identity_of(sw_key.get()).id));  // known, and still not what is due
  Appraisal a = world.judge(e);
  EXPECT_EQ(name_of(a), check::kAnchorNotAllowed);
  world.rule().allowed_anchors = {AnchorKind::tpm, AnchorKind::sw};
  EXPECT_EQ(name_of(world.judge(e)), check::kAnchorMissing);  // the rule requires the TPM
  world.rule().required_anchors = {};
  EXPECT_EQ(name_of(world.judge(e)), check::kAnchorMissing);  // and so do the manifests' TPM references
}

TEST_F(Composition, SoftwareEvidencePassesWhereItIsNamedAndWarns) {
  Digest app = sha256(as_view("app"));
  ReferenceValue value;
  value.anchor = AnchorKind::sw;
  value.name = "app";
  value.hashes = {{HashAlg::sha256, app}};
  world.firmware = make_manifest("firmware", {"firmware"}, {value});
  world.image = make_image("web-server", {"firmware"});
  world.image_item = sign_item(world.image, world.signer);
  world.firmware_item = sign_item(world.firmware, world.signer);
  world.hold({world.image_item, world.firmware_item});
  world.machine.metadata = {sha256(as_view(world.image_item)), sha256(as_view(world.firmware_item))};
  world.machine.tamper_context = [&](ReportContext& c) {
    c.anchors = {sw_identity_of(sw_key.get())};
    c.pcrs.reset();
  };
  world.rule().ak_names = {to_hex(sw_identity_of(sw_key.get()).id)};
  world.rule().allowed_anchors = world.rule().required_anchors = {AnchorKind::sw};
  Evidence e;
  e.context = must(encode_context(context_of(world.machine)));
  e.anchors = {sw_anchor(sw_key.get(), qualifying(e.context), {{"app", app}})};
  Appraisal a = world.judge(e);
  EXPECT_EQ(name_of(a), "");
  EXPECT_TRUE(std::ranges::any_of(a.verdict.checks(), [](const Check& c) { return c.id == check::kSwNoHardware && c.outcome == Outcome::warn; }));
  e.anchors = {sw_anchor(sw_key.get(), qualifying(e.context), {{"evil", sha256(as_view("evil"))}})};
  a = world.judge(e);
  EXPECT_EQ(name_of(a), check::kSwMeasurement);
  EXPECT_EQ(a.verdict.mismatches().size(), 2U);
  e.anchors = {sw_anchor(sw_key.get(), Digest::filled(HashAlg::sha256, 1), {{"app", app}})};
  EXPECT_EQ(name_of(world.judge(e)), check::kQuoteNotFresh);
  SwAnchor forged = sw_anchor(sw_key.get(), qualifying(e.context), {{"app", app}});
  forged.signature = sign_der(forged.statement, make_key("P-256").get());
  e.anchors = {forged};
  EXPECT_EQ(name_of(world.judge(e)), check::kSwSignature);
  world.rule().ak_names = {to_hex(world.machine.ak.name())};
  EXPECT_EQ(name_of(world.judge(e)), check::kAkUntrusted);
}

// One machine's quote and another's statement make a machine that does not exist.
TEST_F(Composition, AnchorsOfTwoMachinesAreRefused) {
  world.rule().allowed_anchors = {AnchorKind::tpm, AnchorKind::sw};
  world.rule().ak_names.push_back(to_hex(sw_identity_of(sw_key.get()).id));
  Evidence e = attest_machine(world.machine, world.binder());
  ASSERT_EQ(name_of(world.judge(e)), "");
  // the other machine's anchor beside the first one's context
  Evidence both = e;
  both.anchors.push_back(sw_anchor(sw_key.get(), qualifying(e.context)));
  EXPECT_EQ(name_of(world.judge(both)), check::kEvidenceInconsistent);
  // a context of its own that names both: the TPM never signed that
  world.machine.tamper_context = [&](ReportContext& c) { c.anchors.push_back(sw_identity_of(sw_key.get())); };
  both.context = must(encode_context(context_of(world.machine)));
  both.anchors[1] = sw_anchor(sw_key.get(), qualifying(both.context));
  EXPECT_EQ(name_of(world.judge(both)), check::kQuoteNotFresh);
}

// The quote of a second, equally accepted TPM in the place of the first one's.
TEST_F(Composition, QuoteOfAnotherAcceptedMachineIsRefused) {
  Machine other = world.machine;
  other.ak = make_ak();
  world.rule().ak_names.push_back(to_hex(other.ak.name()));
  Evidence e = attest_machine(world.machine, world.binder());
  e.anchors = {tpm_anchor(other, qualifying(e.context))};
  EXPECT_EQ(name_of(world.judge(e)), check::kEvidenceInconsistent);
}

TEST_F(Composition, TwoLogsOfOneKindAreRefused) {
  world.machine.tamper_anchor = [](TpmAnchor& a) { a.logs = {a.logs[0], a.logs[0]}; };
  EXPECT_EQ(name_of(world.judge()), check::kLogMalformed);
}

TEST_F(Composition, AFreshnessModeWithoutItsKeyIsRefused) {
  world.machine.tamper_context = [](ReportContext& c) {
    c.freshness = FreshnessMode::known_key;
    c.known_key = Digest::filled(HashAlg::sha256, 1);
  };
  EXPECT_EQ(name_of(world.judge()), check::kEvidenceInconsistent);
}

}  // namespace
}  // namespace attest
