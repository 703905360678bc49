// Honest machines pass, and each policy can be told by name. Attacks are in test/attacks/.
#include "verifier/appraise.h"

#include <gtest/gtest.h>

#include "evidence/core/hex.h"
#include "evidence/logs/expand.h"
#include "test/support/evidence_maker.h"
#include "test/support/recording.h"
#include "verifier/checks.h"
#include "verifier/references/sentences.h"

namespace attest {
namespace {

using namespace attest::test;

std::string why(const Appraisal& a) {
  std::string out;
  for (const Check& c : a.verdict.checks())
    if (c.outcome != Outcome::pass) out += c.id + ": " + c.why + "\n";
  return out;
}

class Appraise : public testing::Test {
 protected:
  World world;
};

TEST_F(Appraise, HonestMachinePasses) {
  Appraisal a = world.judge();
  ASSERT_TRUE(a.verdict.trusted()) << why(a);
  EXPECT_EQ(a.service, "nginx");
  EXPECT_TRUE(a.image.starts_with("web-server ")) << a.image;
  EXPECT_EQ(a.manifests.size(), 2U);
  EXPECT_EQ(a.anchors, std::vector{world.machine.ak.identity()});
  EXPECT_EQ(a.events, world.machine.log.size());
  EXPECT_TRUE(a.verdict.mismatches().empty());
}

TEST_F(Appraise, EveryCheckOfTheHonestMachinePassed) {
  Appraisal a = world.judge();
  for (const Check& c : a.verdict.checks()) {
    EXPECT_EQ(c.outcome, Outcome::pass) << c.id;
    EXPECT_NE(check_meaning(c.id), "") << c.id;
  }
}

TEST_F(Appraise, CertifiedAkPassesWhereTheNameIsChecked) {
  world.rule().ak_names.clear();
  world.x509_ok = true;
  world.machine.ak_chain = {certify_ak(world.issuer, world.machine.ak, ak_spec()).der()};
  Appraisal a = world.judge();
  EXPECT_TRUE(a.verdict.trusted()) << why(a);
}

TEST_F(Appraise, RuleForEveryNameWarnsThatAnyMachinePasses) {
  world.rule().ak_names.clear();
  world.rule().name = "*";
  world.machine.ak_chain = {certify_ak(world.issuer, world.machine.ak, ak_spec()).der()};
  Appraisal a = world.judge();
  EXPECT_TRUE(a.verdict.trusted()) << why(a);
  EXPECT_NE(why(a).find("peer.any-machine"), std::string::npos);
}

TEST_F(Appraise, ClientIsJudgedByItsRule) {
  world.inputs.prover = Role::client;
  world.inputs.reply.clear();
  world.machine.role = Role::client;
  world.rule().role = Role::client;
  EXPECT_EQ(name_of(world.judge()), "");
  world.rule().role = Role::server;
  EXPECT_EQ(name_of(world.judge()), check::kPeerUnknown);
}

TEST_F(Appraise, SilentPeerIsNamed) { EXPECT_EQ(name_of(world.judge_bytes({})), check::kPeerSilent); }

TEST_F(Appraise, UnknownPeerIsNamed) {
  world.peer = "b.example";
  EXPECT_EQ(name_of(world.judge()), check::kPeerUnknown);
  world.peer = "";
  EXPECT_EQ(name_of(world.judge()), check::kPeerUnknown);
}

TEST_F(Appraise, ChangedBootLoaderIsOneMismatch) {
  for (Measured& m : world.machine.log)
    if (m.text == "grub") m.text = "grub 2";
  Appraisal a = world.judge();
  EXPECT_EQ(name_of(a), check::kPcrUnexpected);
  ASSERT_EQ(a.verdict.mismatches().size(), 1U);
  EXPECT_EQ(a.verdict.mismatches()[0].measured_name, "grub 2");
  EXPECT_EQ(a.verdict.mismatches()[0].expected_name, "grub");
  EXPECT_EQ(a.verdict.mismatches()[0].event, 17U);
}

TEST_F(Appraise, AllPolicyFailuresAreCollected) {
  world.machine.log.push_back({10, "/tmp/evil", LogKind::ima});
  world.machine.log.push_back({4, "evil"});
  world.rule().image_descriptions = {"other"};
  world.rule().services = {"postgres"};
  std::string text = why(world.judge());
  for (auto id : {check::kImaUnexpected, check::kPcrUnexpected, check::kPeerImage, check::kPeerService})
    EXPECT_NE(text.find(std::string(id)), std::string::npos) << text;
}

TEST_F(Appraise, RawReportPassesWithItsNonce) {
  Bytes nonce(16, 7);
  world.machine.service = "";
  Evidence e;
  e.context = must(encode_context(context_of(world.machine)));
  MerkleTree batch = must(MerkleTree::make({must(raw_evidence_hash(nonce, e.context))}));
  e.path = batch.path(0);
  e.anchors = {tpm_anchor(world.machine, batch_qualifying_data(batch.root()))};
  Bytes bytes = must(encode_evidence(e));
  Question q;
  q.evidence = bytes;
  q.raw_nonce = nonce;
  q.peer = "a.example";
  q.now = kTestNow;
  EXPECT_EQ(name_of(appraise(q, world.policy, world.active)), "");
  q.raw_nonce[0] ^= 1;
  EXPECT_EQ(name_of(appraise(q, world.policy, world.active)), check::kQuoteNotFresh);
  q.raw_nonce.clear();
  EXPECT_NE(name_of(appraise(q, world.policy, world.active)), "");
}

TEST_F(Appraise, OneOfABatchPasses) {
  Evidence e;
  e.context = must(encode_context(context_of(world.machine)));
  std::vector<Digest> leaves(5, Digest::filled(HashAlg::sha256, 9));
  leaves[3] = evidence_hash(world.binder(), e.context);
  MerkleTree batch = must(MerkleTree::make(leaves));
  e.path = batch.path(3);
  e.anchors = {tpm_anchor(world.machine, batch_qualifying_data(batch.root()))};
  EXPECT_EQ(name_of(world.judge(e)), "");
  e.path = batch.path(2);
  EXPECT_EQ(name_of(world.judge(e)), check::kQuoteNotFresh);
}

TEST_F(Appraise, RunsStandForKnownEvents) {
  Evidence e = attest_machine(world.machine, world.binder());
  auto& logs = std::get<TpmAnchor>(e.anchors[0]).logs;
  logs[0].segments = {RunSegment{1, 0, 16}, RunSegment{2, 0, 2}};
  logs[1].segments = {RunSegment{2, 3, 2}};
  Appraisal a = world.judge(e);
  EXPECT_EQ(name_of(a), "") << why(a);
  EXPECT_EQ(a.events, world.machine.log.size());
}

// keep_names_back turns the file measurements into digests alone.
void keep_names_back(Evidence& e) {
  auto& logs = std::get<TpmAnchor>(e.anchors[0]).logs;
  auto events = must(expand_logs(logs, {}, HashAlg::sha256));
  std::size_t at = logs[0].events;
  for (Segment& segment : logs[1].segments) {
    segment = DigestSegment{events[at].pcr, to_bytes(events[at].digest.view())};
    at++;
  }
}

TEST_F(Appraise, FilesWhoseNamesAreKeptBackAreJudgedAlike) {
  Evidence e = attest_machine(world.machine, world.binder());
  keep_names_back(e);
  Appraisal a = world.judge(e);
  EXPECT_EQ(name_of(a), "") << why(a);
  auto& last = std::get<DigestSegment>(std::get<TpmAnchor>(e.anchors[0]).logs[1].segments.back());
  last.digest[0] ^= 1;
  EXPECT_EQ(name_of(world.judge(e)), check::kPcrReplay);
  last.digest = Bytes(20, 1);
  EXPECT_EQ(name_of(world.judge(e)), check::kLogMalformed);
}

TEST_F(Appraise, UnknownFilesAndViolationsWhoseNamesAreKeptBackAreRefused) {
  for (const char* text : {"/opt/unknown", kViolation.c_str()}) {
    World other;
    other.machine.log.push_back({10, text, LogKind::ima});
    Evidence e = attest_machine(other.machine, other.binder());
    keep_names_back(e);
    Appraisal a = other.judge(e);
    EXPECT_EQ(name_of(a), check::kImaUnexpected) << text;
    ASSERT_EQ(a.verdict.mismatches().size(), 1U);
    EXPECT_EQ(a.verdict.mismatches()[0].event_type, kImaWithheld);
    EXPECT_EQ(a.verdict.mismatches()[0].measured_name, "");
  }
}

TEST_F(Appraise, ImaIsDemandedWherePolicySaysSo) {
  world.policy.ima_required = true;
  EXPECT_EQ(name_of(world.judge()), "");
  std::erase_if(world.machine.log, [](const Measured& m) { return m.kind == LogKind::ima; });
  EXPECT_NE(why(world.judge()).find("ima.missing-log"), std::string::npos);
  world.machine.selection.pcrs.pop_back();
  EXPECT_EQ(name_of(world.judge()), check::kImaMissing);
}

TEST_F(Appraise, PaddedFileMeasurementsPassWherePolicySaysSo) {
  world.machine.selection.bank = HashAlg::sha384;
  EXPECT_EQ(name_of(world.judge()), "");
  world.machine.ima_padded = true;
  EXPECT_EQ(name_of(world.judge()), check::kPcrReplay);
  world.policy.ima_padded_sha1 = true;
  Appraisal a = world.judge();
  EXPECT_EQ(name_of(a), "") << why(a);
  world.machine.log.push_back({10, "/tmp/evil", LogKind::ima});
  EXPECT_EQ(name_of(world.judge()), check::kImaUnexpected);
  world.machine.ima_padded = false;
  EXPECT_EQ(name_of(world.judge()), check::kImaUnexpected);
}

// A violation hides what was measured; not even a reference value of 0xff bytes stands for one.
TEST_F(Appraise, ViolationMatchesNothing) {
  ReferenceValue all_ones;
  all_ones.reg = 10;
  all_ones.name = "violation";
  all_ones.optional = true;
  all_ones.hashes = {{HashAlg::sha256, Digest::filled(HashAlg::sha256, 0xff)}};
  world.os.manifest.tpm.push_back(static_cast<std::uint32_t>(world.os.manifest.references.size()));
  world.os.manifest.references.push_back(all_ones);
  world.sign_all();
  EXPECT_EQ(name_of(world.judge()), "");
  world.machine.log.push_back({10, kViolation, LogKind::ima});
  EXPECT_EQ(name_of(world.judge()), check::kImaUnexpected);
}

TEST_F(Appraise, IndexIsKeptByManifestsOrderBankAndPadding) {
  auto firmware = world.active.find_name(MetadataType::manifest, "firmware");
  auto os = world.active.find_name(MetadataType::manifest, "os");
  std::vector items = {firmware, os};
  ReferenceCache cache;
  auto first = cache.get({firmware.get(), os.get()}, items, HashAlg::sha256);
  EXPECT_EQ(cache.get({firmware.get(), os.get()}, items, HashAlg::sha256), first);
  EXPECT_NE(cache.get({os.get(), firmware.get()}, items, HashAlg::sha256), first);
  EXPECT_NE(cache.get({firmware.get(), os.get()}, items, HashAlg::sha384), first);
  EXPECT_NE(cache.get({firmware.get(), os.get()}, items, HashAlg::sha256, 1U << 10), first);
  for (std::uint32_t i = 0; i < ReferenceCache::kKept; i++) (void)cache.get({os.get()}, items, HashAlg::sha256, 1U << i);
  EXPECT_NE(cache.get({firmware.get(), os.get()}, items, HashAlg::sha256), first) << "pushed out, and made anew";
}

TEST_F(Appraise, StartupLocalityIsPartOfThePcr) {
  world.machine.startup_locality = 3;
  EXPECT_EQ(name_of(world.judge()), "");
  world.machine.tamper_anchor = [](TpmAnchor& a) { a.startup_locality = 4; };
  EXPECT_EQ(name_of(world.judge()), check::kPcrReplay);
}

TEST_F(Appraise, LongLogIsRefusedByCount) {
  world.policy.max_events = 10;
  EXPECT_EQ(name_of(world.judge()), check::kLogTooLong);
}

TEST_F(Appraise, DefaultQuestionIsRefused) { EXPECT_FALSE(appraise({}, Policy{}, ActiveSet{}).verdict.trusted()); }

}  // namespace
}  // namespace attest
