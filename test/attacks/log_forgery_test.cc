// Measurement logs that tell another story than the PCRs, under a quote that is perfectly good.
#include <gtest/gtest.h>

#include "evidence/core/hex.h"
#include "evidence/logs/references.h"
#include "evidence/tpm/pcr_selection.h"
#include "test/support/evidence_maker.h"
#include "test/support/recording.h"
#include "verifier/checks.h"

namespace attest {
namespace {

using namespace attest::test;

class LogForgery : public testing::Test {
 protected:
  // shown: the machine measured what its log says, and sends the log that `tamper` makes of it.
  std::string shown(const std::function<void(std::vector<EvidenceLog>&)>& tamper) {
    world.machine.tamper_anchor = [&](TpmAnchor& a) { tamper(a.logs); };
    Appraisal a = world.judge();
    world.machine.tamper_anchor = nullptr;
    return name_of(a);
  }
  World world;
};

std::vector<Segment>& tcg(std::vector<EvidenceLog>& logs) { return logs[0].segments; }

TEST_F(LogForgery, RemovedEventIsRefused) {
  world.machine.log.push_back({4, "evil"});
  EXPECT_EQ(name_of(world.judge()), check::kPcrUnexpected);
  EXPECT_EQ(shown([](auto& logs) {
              tcg(logs).pop_back();
              logs[0].events--;
            }),
            check::kPcrReplay);
}

TEST_F(LogForgery, ReplacedEventIsRefused) {
  world.machine.log[17].text = "evil grub";
  EXPECT_EQ(shown([](auto& logs) {
              auto& e = std::get<EventSegment>(tcg(logs)[17]);
              e.digest = to_bytes(sha256(as_view("grub")).view());
            }),
            check::kPcrReplay);
}

// The good events first, then one named as a start value that carries the true PCR value: a verifier that believes names lets it
// overwrite its calculation.
TEST_F(LogForgery, EventNamedAsStartValueIsOneMoreExtend) {
  World good;
  world.machine.log.push_back({4, "evil"});
  TpmAnchor truth = tpm_anchor(world.machine, Digest::filled(HashAlg::sha256, 1));
  EXPECT_EQ(shown([&](auto& logs) {
              EventSegment start;
              start.pcr = 4;
              start.type = 0x00000003;  // EV_NO_ACTION, as start values travel in other protocols
              start.digest = to_bytes(truth.pcr_values[4].view());
              start.data = to_bytes(as_view("TPM_PCR_INIT_VALUE"));
              tcg(logs).back() = start;
            }),
            check::kLogMalformed);
  EXPECT_EQ(shown([&](auto& logs) {
              EventSegment start;
              start.pcr = 4;
              start.type = 0x80000007;
              start.digest = to_bytes(truth.pcr_values[4].view());
              start.data = to_bytes(as_view("TPM_PCR_INIT_VALUE"));
              tcg(logs).back() = start;
            }),
            check::kPcrReplay);
}

// The type and data of an event are not covered by its digest: a new name for a bad digest changes nothing.
TEST_F(LogForgery, NamesDoNotMakeAnEventGood) {
  world.machine.log.push_back({4, "evil"});
  EXPECT_EQ(shown([](auto& logs) { std::get<EventSegment>(tcg(logs).back()).data = to_bytes(as_view("grub")); }), check::kPcrUnexpected);
}

TEST_F(LogForgery, UnknownStartLocalityIsRefused) {
  for (std::uint8_t locality : {std::uint8_t{1}, std::uint8_t{2}}) {
    world.machine.tamper_anchor = [&](TpmAnchor& a) { a.startup_locality = locality; };
    EXPECT_EQ(name_of(world.judge()), check::kPcrStartValue);
  }
}

// Events of a PCR that nothing vouches for would be judged as if they had been measured.
TEST_F(LogForgery, EventsOfAnUnquotedPcrAreRefused) {
  EXPECT_EQ(shown([](auto& logs) {
              EventSegment e = std::get<EventSegment>(tcg(logs)[0]);
              e.pcr = 14;
              tcg(logs).push_back(e);
              logs[0].events++;
            }),
            check::kQuoteSelection);
}

TEST_F(LogForgery, EmptyLogForExtendedPcrsIsRefused) {
  EXPECT_EQ(shown([](auto& logs) { logs.clear(); }), check::kPcrReplay);
}

// A TPM that measured nothing at all, honestly quoted: mandatory references are missing.
TEST_F(LogForgery, MachineThatMeasuredNothingIsRefused) {
  world.machine.log.clear();
  EXPECT_EQ(name_of(world.judge()), check::kPcrMissing);
}

TEST_F(LogForgery, ManifestsWithoutTpmReferencesLetNothingPass) {
  world.machine.log.clear();
  world.firmware.manifest.references.clear();
  world.firmware.manifest.tpm.clear();
  world.os.manifest.references.clear();
  world.os.manifest.tpm.clear();
  world.sign_all();
  EXPECT_EQ(name_of(world.judge()), check::kPcrMissing);
}

TEST_F(LogForgery, EventsInAnotherOrderAreRefused) {
  std::swap(world.machine.log[16], world.machine.log[17]);
  EXPECT_EQ(name_of(world.judge()), check::kPcrOrder);
}

TEST_F(LogForgery, EventMeasuredTwiceIsRefused) {
  world.machine.log.push_back({4, "grub"});
  EXPECT_EQ(name_of(world.judge()), check::kPcrOrder);
}

// Another machine's boot events in this PCR's place: known to the references, under another PCR.
TEST_F(LogForgery, EventOfAnotherPcrIsRefused) {
  world.machine.log.push_back({7, "grub"});
  EXPECT_EQ(name_of(world.judge()), check::kPcrUnexpected);
}

TEST_F(LogForgery, ImaEntryWhoseHashIsNotItsDataIsRefused) {
  world.machine.log.push_back({10, "/tmp/evil", LogKind::ima});
  EXPECT_EQ(name_of(world.judge()), check::kImaUnexpected);
  EXPECT_EQ(shown([](auto& logs) { std::get<EventSegment>(logs[1].segments.back()).data = ima_data("/bin/ls"); }), check::kPcrReplay);
}

// A violation extends 0xff bytes. An entry passed off as one hides its content, so it must not match anything.
TEST_F(LogForgery, ImaViolationIsNoMatch) {
  EXPECT_EQ(shown([](auto& logs) { std::get<EventSegment>(logs[1].segments.back()).digest = Bytes(20, 0); }), check::kPcrReplay);
}

class HostileRunsInEvidence : public LogForgery {
 protected:
  // with_runs: the firmware log is these runs; PCRs are quoted as the runs expand, the worst case.
  std::string with_runs(std::vector<Segment> runs, std::uint32_t events) {
    return shown([&](auto& logs) {
      logs[0].segments = runs;
      logs[0].events = events;
    });
  }
};

TEST_F(HostileRunsInEvidence, HonestRunsPass) { EXPECT_EQ(with_runs({RunSegment{1, 0, 16}, RunSegment{2, 0, 2}}, 18), ""); }

TEST_F(HostileRunsInEvidence, BeyondTheManifestIsRefused) {
  EXPECT_EQ(with_runs({RunSegment{1, 0, 17}}, 17), check::kLogMalformed);
  EXPECT_EQ(with_runs({RunSegment{1, 0xfffffff0, 18}}, 18), check::kLogMalformed);
  EXPECT_EQ(with_runs({RunSegment{3, 0, 1}}, 1), check::kLogMalformed);
  EXPECT_EQ(with_runs({RunSegment{0, 0, 1}}, 1), check::kLogMalformed);  // the image description
}

TEST_F(HostileRunsInEvidence, CountOf2To32IsRefused) {
  EXPECT_EQ(with_runs({RunSegment{1, 0, 0xffffffff}}, 16), check::kEvidenceMalformed);
  EXPECT_EQ(with_runs({RunSegment{1, 0, 16}}, 0xffffffff), check::kEvidenceMalformed);
  EXPECT_EQ(with_runs({RunSegment{1, 0, 0}}, 0), check::kEvidenceMalformed);
}

// Packed indices give what runs give: the same events, judged alike, quoted honestly or not.
TEST_F(HostileRunsInEvidence, PackedIndicesAreNoMatchEither) {
  PackedSegment all{1, index_bits(16), {}};  // the firmware's manifest has sixteen
  for (std::uint32_t i = 0; i < 16; i++) all.entries.push_back(i);
  EXPECT_EQ(with_runs({all, RunSegment{2, 0, 2}}, 18), "");
  PackedSegment swapped = all, beyond = all, wide = all;
  std::swap(swapped.entries[3], swapped.entries[9]);
  beyond.metadata = 2;  // which has fewer
  wide.bits++;
  EXPECT_NE(with_runs({swapped, RunSegment{2, 0, 2}}, 18), "");
  EXPECT_EQ(with_runs({beyond, RunSegment{2, 0, 2}}, 18), check::kLogMalformed);
  EXPECT_EQ(with_runs({wide, RunSegment{2, 0, 2}}, 18), check::kLogMalformed);
  for (std::size_t i = 0; i < 16; i++) world.machine.log.push_back(world.machine.log[i]);
  EXPECT_EQ(with_runs({all, RunSegment{2, 0, 2}, all}, 34), check::kPcrOrder) << "measured twice";
}

// Both are quoted honestly, so the replay holds: order and count refuse them. Expanding a run is no match.
TEST_F(HostileRunsInEvidence, RepeatedOrOverlappingRunsAreRefused) {
  for (std::size_t i = 0; i < 16; i++) world.machine.log.push_back(world.machine.log[i]);
  EXPECT_EQ(with_runs({RunSegment{1, 0, 16}, RunSegment{2, 0, 2}, RunSegment{1, 0, 16}}, 34), check::kPcrOrder);
  World other;
  other.machine.log.insert(other.machine.log.begin() + 16, other.machine.log[15]);
  other.machine.tamper_anchor = [](TpmAnchor& a) {
    a.logs[0].segments = {RunSegment{1, 0, 16}, RunSegment{1, 15, 1}, RunSegment{2, 0, 2}};
    a.logs[0].events = 19;
  };
  EXPECT_EQ(name_of(other.judge()), check::kPcrOrder);
}

TEST_F(HostileRunsInEvidence, RunsThatWereNotMeasuredAreRefused) {
  EXPECT_EQ(with_runs({RunSegment{1, 0, 16}, RunSegment{2, 0, 3}}, 19), check::kPcrReplay);
}

}  // namespace
}  // namespace attest
