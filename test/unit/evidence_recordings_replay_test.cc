// Recorded boots: event log and IMA list replayed in every bank give the PCRs that were read from the TPM.
#include <gtest/gtest.h>

#include "evidence/core/hex.h"
#include "evidence/logs/ima_list.h"
#include "evidence/logs/replay.h"
#include "evidence/logs/tcg_event_log.h"
#include "evidence/tpm/pcr_selection.h"
#include "evidence/tpm/signature.h"
#include "test/support/recording.h"

namespace attest {
namespace {
using namespace attest::test;

// The kernel of the recordings could not allocate sha384 and sha512 when IMA started.
ImaExtend mode_of(HashAlg bank) {
  return bank == HashAlg::sha384 || bank == HashAlg::sha512 ? ImaExtend::padded_sha1
                                                            : ImaExtend::template_data;
}

PcrReplay firmware(const Recording& rec, HashAlg bank) {
  TcgEventLog log = must(parse_tcg_event_log(rec.event_log));
  PcrReplay replay = must(PcrReplay::make(bank, log.startup_locality.value_or(0)));
  for (const MeasuredEvent& e : must(tcg_measured_events(log, bank))) replay.extend(e.pcr, e.digest);
  return replay;
}

void extend_ima(PcrReplay& replay, const Recording& rec, HashAlg bank, std::size_t entries) {
  Hasher hasher = must(Hasher::make(bank));
  ImaList list = must(parse_ima_list(rec.ima));
  ASSERT_LE(entries, list.entries.size());
  for (std::size_t i = 0; i < entries; i++) {
    MeasuredEvent e = must(ima_measured_event(hasher, list.entries[i], mode_of(bank)));
    replay.extend(e.pcr, e.digest);
  }
}

class Boots : public testing::TestWithParam<const char*> {};

TEST_P(Boots, ReplayGivesThePcrsOfEveryBank) {
  Recording rec = recording(GetParam());
  std::size_t compared = 0;
  for (HashAlg bank : {HashAlg::sha1, HashAlg::sha256, HashAlg::sha384}) {
    PcrReplay replay = firmware(rec, bank);
    extend_ima(replay, rec, bank, must(parse_ima_list(rec.ima)).entries.size());
    for (std::uint8_t pcr = 0; pcr < 24; pcr++) {
      auto expected = rec.pcrs.find({bank, pcr});
      if (expected == rec.pcrs.end()) continue;
      compared++;
      EXPECT_EQ(to_hex(replay.value(pcr).view()), to_hex(expected->second.view()))
          << hash_alg_name(bank) << " PCR " << int{pcr};
    }
  }
  EXPECT_EQ(compared, 72U);
}

TEST_P(Boots, ReplayEqualsTheQuoteOfTheLateSnapshot) {
  Recording rec = recording(GetParam());
  std::size_t all = must(parse_ima_list(rec.ima)).entries.size();
  PcrReplay sha256 = firmware(rec, HashAlg::sha256), sha1 = firmware(rec, HashAlg::sha1);
  extend_ima(sha256, rec, HashAlg::sha256, all);
  extend_ima(sha1, rec, HashAlg::sha1, all);
  auto quote = verify_attest(rec.attest("ecc"), rec.signature("ecc"),
                             must(parse_tpm2b_public(rec.public_area("ecc"))));
  ASSERT_TRUE(quote);
  std::vector<Digest> values;
  for (const PcrSelection& s : (*quote)->quote()->selections)
    for (std::uint8_t pcr : s.pcrs) values.push_back((s.bank == HashAlg::sha1 ? sha1 : sha256).value(pcr));
  EXPECT_EQ(to_hex(pcr_digest(HashAlg::sha256, values).view()), to_hex((*quote)->quote()->pcr_digest));
}

// The list read before the quote is too short, the one read after it is long enough: 64 entries are covered.
TEST_P(Boots, EarlyQuoteCoversAPrefixOf64EntriesOfTheListReadAfterIt) {
  Recording rec = recording(GetParam(), true);
  auto covers = [&](std::size_t entries) {
    PcrReplay sha256 = firmware(rec, HashAlg::sha256), sha1 = firmware(rec, HashAlg::sha1);
    extend_ima(sha256, rec, HashAlg::sha256, entries);
    extend_ima(sha1, rec, HashAlg::sha1, entries);
    Attest quote = must(parse_attest(rec.attest("rsa")));
    std::vector<Digest> values;
    for (const PcrSelection& s : quote.quote()->selections)
      for (std::uint8_t pcr : s.pcrs) values.push_back((s.bank == HashAlg::sha1 ? sha1 : sha256).value(pcr));
    return to_bytes(pcr_digest(HashAlg::sha256, values).view()) == quote.quote()->pcr_digest;
  };
  EXPECT_TRUE(covers(64));
  EXPECT_FALSE(covers(63));
  EXPECT_FALSE(covers(61));
  EXPECT_EQ(must(parse_ima_list(rec.file("ima_before_quote.bin"))).entries.size(), 61U);
}

TEST_P(Boots, AReplayWithOneChangedEventDiffers) {
  Recording rec = recording(GetParam());
  TcgEventLog log = must(parse_tcg_event_log(rec.event_log));
  std::vector<MeasuredEvent> events = must(tcg_measured_events(log, HashAlg::sha256));
  events.back().digest.data()[0] ^= 1;
  PcrReplay replay = must(PcrReplay::make(HashAlg::sha256, 0));
  for (const MeasuredEvent& e : events) replay.extend(e.pcr, e.digest);
  std::uint8_t pcr = events.back().pcr;
  EXPECT_NE(replay.value(pcr), rec.pcrs.at({HashAlg::sha256, pcr}));
}

TEST_P(Boots, StoredTemplateHashesAreThoseOfTheData) {
  Recording rec = recording(GetParam());
  Hasher sha1 = must(Hasher::make(HashAlg::sha1));
  for (const ImaEntry& e : must(parse_ima_list(rec.ima)).entries) {
    if (e.violation()) continue;
    EXPECT_TRUE(equal(must(ima_template_hash(sha1, e.template_name, e.data)).view(), e.template_hash));
  }
}

// Linux 5.8 and later: boot_aggregate is the hash over PCR 0 to 9.
TEST_P(Boots, FirstEntryIsTheBootAggregate) {
  Recording rec = recording(GetParam());
  PcrReplay boot = firmware(rec, HashAlg::sha256);
  std::vector<Digest> values;
  for (std::uint8_t pcr = 0; pcr < 10; pcr++) values.push_back(boot.value(pcr));
  ImaList list = must(parse_ima_list(rec.ima));
  ImaHint hint = ima_hint(list.entries[0].template_name, list.entries[0].data);
  EXPECT_EQ(hint.name, "boot_aggregate");
  EXPECT_EQ(hint.digest_alg, "sha256");
  EXPECT_EQ(to_hex(hint.digest), to_hex(pcr_digest(HashAlg::sha256, values).view()));
}

INSTANTIATE_TEST_SUITE_P(Recorded, Boots, testing::ValuesIn(kBoots),
                         [](const auto& param) { return std::string(param.param); });

TEST(PcrStart, ValuesOfTheSpecification) {
  EXPECT_EQ(pcr_start_value(HashAlg::sha256, 1, 3), Digest::filled(HashAlg::sha256, 0));
  EXPECT_EQ(to_hex(pcr_start_value(HashAlg::sha1, 0, 4).view()), "0000000000000000000000000000000000000004");
  EXPECT_EQ(pcr_start_value(HashAlg::sha384, 17, 0), Digest::filled(HashAlg::sha384, 0xff));
  EXPECT_EQ(pcr_start_value(HashAlg::sha384, 22, 0), Digest::filled(HashAlg::sha384, 0xff));
  EXPECT_EQ(pcr_start_value(HashAlg::sha384, 23, 0), Digest::filled(HashAlg::sha384, 0));
}

TEST(PcrReplay, UnknownStartLocalityIsRefused) {
  for (int locality : {1, 2, 5, 255})
    EXPECT_FALSE(PcrReplay::make(HashAlg::sha256, static_cast<std::uint8_t>(locality)));
  for (int locality : {0, 3, 4})
    EXPECT_TRUE(PcrReplay::make(HashAlg::sha256, static_cast<std::uint8_t>(locality)));
}

TEST(PcrReplay, ABadExtendSpoilsEveryValue) {
  PcrReplay replay = must(PcrReplay::make(HashAlg::sha256, 0));
  replay.extend(24, Digest::filled(HashAlg::sha256, 1));
  EXPECT_TRUE(replay.value(0).empty());
  PcrReplay other = must(PcrReplay::make(HashAlg::sha256, 0));
  other.extend(1, Digest::filled(HashAlg::sha1, 1));
  EXPECT_TRUE(other.value(1).empty());
  EXPECT_FALSE(other.touched(1));
}

}  // namespace
}  // namespace attest
