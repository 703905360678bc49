// Logs by reference: what compaction sends, expansion gives back, for recorded boots and for hostile
// segments.
#include <gtest/gtest.h>

#include "evidence/core/hex.h"
#include "evidence/logs/compact.h"
#include "evidence/logs/expand.h"
#include "test/support/measured_boot.h"

namespace attest {
namespace {
using namespace attest::test;

std::shared_ptr<const RunIndex> index_of(std::vector<const Manifest*> manifests, const MeasuredLog& log) {
  return std::make_shared<RunIndex>(std::move(manifests), log.bank, log.ima_extend);
}

std::size_t segments(const std::vector<EvidenceLog>& logs) {
  std::size_t n = 0;
  for (const EvidenceLog& log : logs) n += log.segments.size();
  return n;
}

std::vector<EvidenceLog> compacted(const MeasuredLog& log, std::vector<const Manifest*> manifests) {
  LogCompactor compactor(index_of(std::move(manifests), log));
  return *must(compactor.compact(log));
}

// The expansion must give the covered events of the log, digest for digest.
void expect_same(const std::vector<ExpandedEvent>& events, const MeasuredLog& log) {
  ASSERT_EQ(events.size(), log.tcg_events + log.ima_covered);
  for (std::size_t i = 0; i < events.size(); i++) {
    EXPECT_EQ(events[i].pcr, log.events[i].pcr) << i;
    EXPECT_EQ(events[i].digest, log.events[i].digest) << i;
    EXPECT_EQ(events[i].kind, log.events[i].kind) << i;
  }
}

class Boots : public testing::TestWithParam<std::tuple<const char*, HashAlg>> {
 protected:
  Recording rec = recording(std::get<0>(GetParam()));
  HashAlg bank = std::get<1>(GetParam());
  MeasuredLog log = measured_log(rec, bank);
};

TEST_P(Boots, AgainstAManifestOfTheSameBootIsOneRunALog) {
  Manifest manifest = manifest_of(rec);
  std::vector<EvidenceLog> logs = compacted(log, {nullptr, &manifest});
  ASSERT_EQ(logs.size(), 2U);
  EXPECT_EQ(segments(logs), 2U);
  expect_same(must(expand_logs(logs, {nullptr, &manifest}, bank, log.ima_extend)), log);
}

TEST_P(Boots, WithoutManifestsEverythingTravelsInFull) {
  std::vector<EvidenceLog> logs = compacted(log, {});
  EXPECT_EQ(segments(logs), log.events.size());
  expect_same(must(expand_logs(logs, {}, bank, log.ima_extend)), log);
}

TEST_P(Boots, ExpansionReplaysToThePcrsOfTheMachine) {
  Manifest manifest = manifest_of(rec);
  std::vector<EvidenceLog> logs = compacted(log, {&manifest});
  auto events = must(expand_logs(logs, {&manifest}, bank, log.ima_extend));
  PcrReplay replay = must(replay_events(events, bank, log.startup_locality));
  for (std::uint8_t pcr = 0; pcr < 16; pcr++)
    EXPECT_EQ(replay.value(pcr), rec.pcrs.at({bank, pcr})) << int{pcr};
}

TEST_P(Boots, ASplitOfTheManifestCostsTwoRunsMore) {
  Manifest whole = manifest_of(rec), first = whole, second = whole;
  auto middle = static_cast<std::ptrdiff_t>(whole.tpm.size() / 2);
  first.tpm.erase(first.tpm.begin() + middle, first.tpm.end());
  second.tpm.erase(second.tpm.begin(), second.tpm.begin() + middle);
  std::vector<EvidenceLog> logs = compacted(log, {&first, &second});
  EXPECT_LE(segments(logs), 4U);
  expect_same(must(expand_logs(logs, {&first, &second}, bank, log.ima_extend)), log);
}

TEST_P(Boots, AppendedEntriesContinueTheRun) {
  Manifest manifest = manifest_of(rec);
  auto index = index_of({&manifest}, log);
  LogCompactor grows(index);
  std::size_t all = log.ima_covered;
  std::uint64_t revision = 0;
  for (std::size_t covered : {std::size_t{0}, std::size_t{1}, all / 3, all / 3, all - 1, all}) {
    bool same = covered == log.ima_covered && revision != 0;
    log.ima_covered = covered;
    std::vector<EvidenceLog> logs = *must(grows.compact(log));
    EXPECT_EQ(same, grows.revision() == revision) << covered;
    revision = grows.revision();
    LogCompactor fresh(index);
    expect_same(must(expand_logs(logs, {&manifest}, bank, log.ima_extend)), log);
    EXPECT_EQ(segments(logs), segments(*must(fresh.compact(log))));
  }
}

INSTANTIATE_TEST_SUITE_P(Recorded, Boots,
                         testing::Combine(testing::ValuesIn(kBoots),
                                          testing::Values(HashAlg::sha1, HashAlg::sha256, HashAlg::sha384)),
                         [](const auto& param) {
                           return std::string(std::get<0>(param.param)) + "_" +
                                  hash_alg_name(std::get<1>(param.param));
                         });

TEST(OtherBoot, ReferencesOfAnotherBootLeaveFewSegments) {
  MeasuredLog log = measured_log(recording("tis"), HashAlg::sha256);
  Manifest other = manifest_of(recording("crb"));
  std::vector<EvidenceLog> logs = compacted(log, {&other});
  EXPECT_EQ(logs[1].events, 363U);
  EXPECT_LE(segments(logs), 60U);
  expect_same(must(expand_logs(logs, {&other}, HashAlg::sha256)), log);
}

TEST(OtherBoot, AnotherGenerationStartsAgain) {
  Recording rec = recording("crb");
  MeasuredLog log = measured_log(rec, HashAlg::sha256),
              second = measured_log(recording("tis"), HashAlg::sha256);
  Manifest manifest = manifest_of(rec);
  LogCompactor compactor(index_of({&manifest}, log));
  ASSERT_TRUE(compactor.compact(log));
  second.generation = 2;
  expect_same(must(expand_logs(*must(compactor.compact(second)), {&manifest}, HashAlg::sha256)), second);
  log.generation = 2;  // shorter than before is another boot too
  log.ima_covered = 10;
  expect_same(must(expand_logs(*must(compactor.compact(log)), {&manifest}, HashAlg::sha256)), log);
}

TEST(Compaction, ALogOfAnotherBankIsRefused) {
  MeasuredLog log = measured_log(recording("tis"), HashAlg::sha1);
  LogCompactor compactor(std::make_shared<RunIndex>(ContextManifests{}, HashAlg::sha256));
  EXPECT_EQ(compactor.compact(log).error().code, Errc::mismatch);
  log = measured_log(recording("tis"), HashAlg::sha256);
  log.ima_covered = log.events.size();
  EXPECT_FALSE(compactor.compact(log));
}

TEST(Compaction, AViolationTravelsInFullWhateverTheManifestSays) {
  MeasuredLog log;
  MeasuredEvent violation;
  violation.pcr = 10;
  violation.kind = LogKind::ima;
  violation.digest = Digest::filled(HashAlg::sha256, 0xff);
  violation.full = {10, 0, "ima-ng", Bytes(20, 0), Bytes(4, 0)};
  log.events = {violation};
  log.ima_covered = 1;
  Manifest manifest = manifest_with({{10, Digest::filled(HashAlg::sha256, 0xff)}});
  std::vector<EvidenceLog> logs = compacted(log, {&manifest});
  ASSERT_EQ(logs[1].segments.size(), 1U);
  EXPECT_TRUE(std::holds_alternative<EventSegment>(logs[1].segments[0]));
  auto events = must(expand_logs(logs, {&manifest}, HashAlg::sha256));
  EXPECT_TRUE(events[0].violation);
  EXPECT_EQ(events[0].digest, violation.digest);
}

TEST(Compaction, TheSameDigestInAnotherPcrIsNoMatch) {
  MeasuredLog log;
  MeasuredEvent event;
  event.pcr = 4;
  event.digest = Digest::filled(HashAlg::sha256, 7);
  event.full = {4, 5, {}, to_bytes(event.digest.view()), {}};
  log.events = {event};
  log.tcg_events = 1;
  Manifest manifest = manifest_with({{5, event.digest}});
  EXPECT_TRUE(std::holds_alternative<EventSegment>(compacted(log, {&manifest})[0].segments[0]));
}

TEST(Compaction, EqualReferencesAreTakenInOrder) {
  Digest twice = Digest::filled(HashAlg::sha256, 7), other = Digest::filled(HashAlg::sha256, 8);
  Manifest manifest = manifest_with({{4, twice}, {4, other}, {4, twice}});
  MeasuredLog log;
  for (const Digest& digest : {twice, other, twice, twice}) {
    MeasuredEvent event;
    event.pcr = 4;
    event.digest = digest;
    event.full = {4, 5, {}, to_bytes(digest.view()), {}};
    log.events.push_back(event);
  }
  log.tcg_events = 4;
  std::vector<EvidenceLog> logs = compacted(log, {&manifest});
  ASSERT_EQ(logs[0].segments.size(), 2U);
  EXPECT_EQ(std::get<RunSegment>(logs[0].segments[0]).count, 3U);
  EXPECT_EQ(std::get<RunSegment>(logs[0].segments[1]).first, 0U);
}

TEST(Compaction, MoreFullEventsThanALogMayHaveAreRefusedWithTheirNumber) {
  MeasuredLog log;
  for (std::size_t i = 0; i <= kMaxSegments; i++) {
    MeasuredEvent event;
    event.pcr = 4;
    event.digest = Digest::filled(HashAlg::sha256, static_cast<std::uint8_t>(i));
    log.events.push_back(event);
  }
  log.tcg_events = log.events.size();
  LogCompactor compactor(std::make_shared<RunIndex>(ContextManifests{}, HashAlg::sha256));
  auto r = compactor.compact(log);
  ASSERT_FALSE(r);
  EXPECT_EQ(r.error().code, Errc::denied);
  EXPECT_NE(r.error().what.find("16384 events have no reference value"), std::string::npos) << r.error().what;
}

}  // namespace
}  // namespace attest
