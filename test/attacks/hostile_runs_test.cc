// Hostile segments: runs and indices beyond, outside and without a manifest, counts that lie, full events that pretend.
#include <gtest/gtest.h>

#include "evidence/logs/expand.h"
#include "test/support/measured_boot.h"

namespace attest {
namespace {
using namespace attest::test;

const Digest kA = Digest::filled(HashAlg::sha256, 1);

class HostileRuns : public testing::Test {
 protected:
  Errc expand(std::vector<Segment> segments, std::uint32_t events, LogKind kind = LogKind::tcg) {
    auto r = expand_logs({{kind, events, std::move(segments)}}, manifests, HashAlg::sha256);
    EXPECT_FALSE(r);
    return r ? Errc::io : r.error().code;
  }
  Manifest manifest = manifest_with({{0, kA}, {1, kA}, {2, kA}});
  ContextManifests manifests{nullptr, &manifest};
};

TEST_F(HostileRuns, AGoodRunExpands) {
  auto events = must(expand_logs({{LogKind::tcg, 3, {RunSegment{1, 0, 3}}}}, manifests, HashAlg::sha256));
  ASSERT_EQ(events.size(), 3U);
  EXPECT_EQ(events[2].pcr, 2);
  EXPECT_EQ(events[2].position, (RefPosition{1, 2}));
}

TEST_F(HostileRuns, RunsOutsideTheManifestAreMalformed) {
  EXPECT_EQ(expand({RunSegment{1, 0, 4}}, 4), Errc::malformed);
  EXPECT_EQ(expand({RunSegment{1, 3, 1}}, 1), Errc::malformed);
  EXPECT_EQ(expand({RunSegment{1, 0xffffffff, 2}}, 2), Errc::malformed);
  EXPECT_EQ(expand({RunSegment{1, 2, 2}}, 2), Errc::malformed);
}

TEST_F(HostileRuns, RunsOfWhatIsNoManifestAreMalformed) {
  EXPECT_EQ(expand({RunSegment{0, 0, 1}}, 1), Errc::malformed);
  EXPECT_EQ(expand({RunSegment{2, 0, 1}}, 1), Errc::malformed);
  EXPECT_EQ(expand({RunSegment{0xffffffff, 0, 1}}, 1), Errc::malformed);
}

TEST_F(HostileRuns, EmptyRunsAreMalformed) { EXPECT_EQ(expand({RunSegment{1, 0, 0}}, 0), Errc::malformed); }

TEST_F(HostileRuns, PackedIndicesAreJudgedLikeRuns) {
  auto events = must(expand_logs({{LogKind::tcg, 3, {PackedSegment{1, 2, {2, 0, 1}}}}}, manifests, HashAlg::sha256));
  EXPECT_EQ(events[0].position, (RefPosition{1, 2}));
  EXPECT_EQ(events[1].pcr, 0);
  EXPECT_EQ(expand({PackedSegment{1, 2, {0, 3}}}, 2), Errc::malformed) << "behind the last";
  EXPECT_EQ(expand({PackedSegment{1, 2, {0xffffffff}}}, 1), Errc::malformed);
  EXPECT_EQ(expand({PackedSegment{0, 1, {0}}}, 1), Errc::malformed) << "no manifest";
  EXPECT_EQ(expand({PackedSegment{7, 1, {0}}}, 1), Errc::malformed);
  EXPECT_EQ(expand({PackedSegment{1, 3, {0}}}, 1), Errc::malformed) << "wider than need be";
  EXPECT_EQ(expand({PackedSegment{1, 1, {0}}}, 1), Errc::malformed);
  EXPECT_EQ(expand({PackedSegment{1, 2, {}}}, 0), Errc::malformed);
  EXPECT_EQ(expand({PackedSegment{1, 2, {0, 1}}}, 3), Errc::malformed) << "a count that lies";
  std::vector<Segment> many(3, PackedSegment{1, 2, std::vector<std::uint32_t>(kMaxLogEvents / 3 + 1, 0)});
  EXPECT_EQ(expand(many, (kMaxLogEvents / 3 + 1) * 3), Errc::denied) << "refused before one is expanded";
}

TEST_F(HostileRuns, CountsThatLieAreMalformed) {
  EXPECT_EQ(expand({RunSegment{1, 0, 3}}, 2), Errc::malformed);
  EXPECT_EQ(expand({RunSegment{1, 0, 3}}, 4), Errc::malformed);
}

// 65 KB of runs would be 11 s of extends: the sum is refused before one is made.
TEST_F(HostileRuns, RepeatedRunsAreCappedBeforeTheyExpand) {
  std::vector<Segment> many(kMaxLogEvents / 3 + 1, RunSegment{1, 0, 3});
  EXPECT_EQ(expand(many, static_cast<std::uint32_t>(many.size() * 3)), Errc::denied);
  EXPECT_EQ(expand({RunSegment{1, 0, 0xffffffff}}, 0xffffffff), Errc::denied);
  std::vector<Segment> wraps{RunSegment{1, 0, 0xffffffff}, RunSegment{1, 0, 4}};  // 3 modulo 2^32
  EXPECT_EQ(expand(wraps, 3), Errc::malformed);
}

TEST_F(HostileRuns, TheCapHoldsForAllLogsTogether) {
  std::vector<Segment> half(100, RunSegment{1, 0, 1});
  std::vector<EvidenceLog> logs{{LogKind::tcg, 100, half}, {LogKind::ima, 100, half}};
  EXPECT_TRUE(expand_logs(logs, manifests, HashAlg::sha256, ImaExtend::template_data, 200));
  auto r = expand_logs(logs, manifests, HashAlg::sha256, ImaExtend::template_data, 199);
  ASSERT_FALSE(r);
  EXPECT_EQ(r.error().code, Errc::denied);
}

TEST_F(HostileRuns, TwoLogsOfOneKindAreMalformed) {
  EvidenceLog tcg{LogKind::tcg, 0, {}}, ima{LogKind::ima, 0, {}};
  EXPECT_TRUE(expand_logs({tcg, ima}, manifests, HashAlg::sha256));
  EXPECT_FALSE(expand_logs({tcg, tcg}, manifests, HashAlg::sha256));
  EXPECT_FALSE(expand_logs({ima, tcg}, manifests, HashAlg::sha256));
  EXPECT_FALSE(expand_logs({ima, ima}, manifests, HashAlg::sha256));
}

TEST_F(HostileRuns, AReferenceWithoutTheBankStandsForNothing) {
  auto r = expand_logs({{LogKind::tcg, 1, {RunSegment{1, 0, 1}}}}, manifests, HashAlg::sha384);
  ASSERT_FALSE(r);
  EXPECT_EQ(r.error().code, Errc::malformed);
}

TEST_F(HostileRuns, AReferenceBeyondThePcrsStandsForNothing) {
  manifest.references[0].reg = 24;
  EXPECT_EQ(expand({RunSegment{1, 0, 1}}, 1), Errc::malformed);
}

TEST_F(HostileRuns, NoReferenceStandsForAViolation) {
  manifest = manifest_with({{10, Digest::filled(HashAlg::sha256, 0xff)}});
  EXPECT_EQ(expand({RunSegment{1, 0, 1}}, 1, LogKind::ima), Errc::malformed);
}

TEST_F(HostileRuns, FullFirmwareEventsAreChecked) {
  EventSegment good{4, 5, {}, Bytes(32, 1), {}};
  EXPECT_TRUE(expand_logs({{LogKind::tcg, 1, {good}}}, manifests, HashAlg::sha256));
  EventSegment pcr = good, length = good, no_action = good, ima = good;
  pcr.pcr = 24;
  length.digest.pop_back();
  no_action.type = 3;
  ima.template_name = "ima-ng";
  for (const EventSegment& bad : {pcr, length, no_action, ima}) EXPECT_EQ(expand({bad}, 1), Errc::malformed);
}

// A stored template hash is never believed: the digest comes from the data.
TEST_F(HostileRuns, ImaDigestsComeFromTheTemplateData) {
  Bytes data{3, 0, 0, 0, 'a', 'b', 'c'};
  EventSegment lying{10, 0, "ima-ng", Bytes(20, 0x55), data};
  for (HashAlg bank : {HashAlg::sha1, HashAlg::sha256, HashAlg::sha384}) {
    std::vector<EvidenceLog> logs{{LogKind::ima, 1, {lying}}};
    EXPECT_EQ(must(expand_logs(logs, manifests, bank))[0].digest, hash_of(bank, {data}));
    Digest padded = must(expand_logs(logs, manifests, bank, ImaExtend::padded_sha1))[0].digest;
    EXPECT_TRUE(equal(padded.view().first(20), hash_of(HashAlg::sha1, {data}).view()));
  }
}

TEST_F(HostileRuns, FullImaEntriesAreChecked) {
  EventSegment good{10, 0, "ima-ng", Bytes(20, 1), Bytes(4, 0)};
  EXPECT_TRUE(expand_logs({{LogKind::ima, 1, {good}}}, manifests, HashAlg::sha256));
  EventSegment type = good, length = good, name = good, old = good, pcr = good;
  type.type = 5;
  length.digest.resize(32, 1);
  name.template_name.clear();
  old.template_name = "ima";  // whose data has another form
  pcr.pcr = 255;
  for (const EventSegment& bad : {type, length, name, old, pcr})
    EXPECT_EQ(expand({bad}, 1, LogKind::ima), Errc::malformed);
}

}  // namespace
}  // namespace attest
