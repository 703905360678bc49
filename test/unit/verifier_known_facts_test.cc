#include "verifier/known_facts.h"

#include <gtest/gtest.h>

#include "test/support/recording.h"
#include "test/support/soft_tpm_key.h"

namespace attest {
namespace {

using namespace attest::test;

ExpandedEvent event(std::uint8_t pcr, std::uint8_t fill, HashAlg bank = HashAlg::sha256) {
  ExpandedEvent e;
  e.pcr = pcr;
  e.digest = Digest::filled(bank, fill);
  return e;
}

std::vector<ExpandedEvent> events(std::size_t n) {
  std::vector<ExpandedEvent> out;
  for (std::size_t i = 0; i < n; i++)
    out.push_back(event(static_cast<std::uint8_t>(i % 11), static_cast<std::uint8_t>(i)));
  return out;
}

class Facts : public testing::Test {
 protected:
  // as_computed: what is kept, and what is given back, equals a replay of its own.
  void as_computed(const std::vector<ExpandedEvent>& log, HashAlg bank = HashAlg::sha256,
                   std::uint8_t locality = 0) {
    PcrReplay replay = must(replay_events(log, bank, locality));
    for (int time = 0; time < 2; time++) {
      auto values = must(facts.replay(log, bank, locality));
      for (std::uint8_t pcr = 0; pcr < values->size(); pcr++)
        EXPECT_EQ((*values)[pcr], replay.value(pcr)) << int(pcr);
    }
  }
  KnownFacts facts;
};

TEST_F(Facts, TheSameLogIsReplayedOnce) {
  EXPECT_EQ(must(facts.replay(events(600), HashAlg::sha256, 0)),
            must(facts.replay(events(600), HashAlg::sha256, 0)));
}

TEST_F(Facts, EveryOtherLogIsAnother) {
  for (std::size_t n : {0U, 1U, 255U, 256U, 257U, 512U, 600U}) as_computed(events(n));
  auto changed = events(600);
  changed[300].digest = Digest::filled(HashAlg::sha256, 0xee);
  as_computed(changed);
  auto moved = events(600);
  moved[599].pcr = 9;
  as_computed(moved);
  auto swapped = events(600);
  std::swap(swapped[11], swapped[22]);  // both of PCR 0
  as_computed(swapped);
  as_computed(events(600), HashAlg::sha256, 3);
  std::vector<ExpandedEvent> wide;
  for (std::uint8_t i = 0; i < 40; i++) wide.push_back(event(i % 8, i, HashAlg::sha384));
  as_computed(wide, HashAlg::sha384);
}

TEST_F(Facts, ADigestOfAnotherBankLeadsNowhere) {
  auto mixed = events(10);
  mixed[5] = event(1, 1, HashAlg::sha1);
  for (int time = 0; time < 2; time++)
    EXPECT_TRUE((*must(facts.replay(mixed, HashAlg::sha256, 0)))[1].empty());
  EXPECT_FALSE(facts.replay(events(3), HashAlg::sha256, 7));
  EXPECT_FALSE(facts.replay(events(3), HashAlg::sha256, 7));
}

TEST_F(Facts, ManyLogsStayBoundedAndRight) {
  for (std::size_t n = 0; n < KnownFacts::kMaxLogs + 5; n++)
    (void)must(facts.replay(events(n), HashAlg::sha256, 0));
  for (std::size_t n = 0; n < KnownFacts::kMaxLogs + 5; n += 7) as_computed(events(n));
}

TEST_F(Facts, APublicAreaIsReadOnceAndABadOneNever) {
  SoftTpmKey key{SoftTpmKey::Options{}};
  Bytes area = key.public_area();
  auto first = must(facts.public_area(area));
  EXPECT_EQ(must(facts.public_area(area)), first);
  EXPECT_EQ(first->encoded, area);
  area.back() ^= 1;  // off the curve
  for (int time = 0; time < 2; time++) EXPECT_EQ(facts.public_area(area).error().code, Errc::malformed);
  area.back() ^= 1;
  area.push_back(0);
  EXPECT_FALSE(facts.public_area(area));
}

TEST_F(Facts, OnlyWhatPassedCountsAsProved) {
  int runs = 0;
  auto pass = [&] {
    runs++;
    return ok();
  };
  auto fail = [&]() -> Status {
    runs++;
    return Error{Errc::untrusted, "no"};
  };
  Digest one = sha256(as_view("one")), two = sha256(as_view("two"));
  EXPECT_FALSE(facts.prove(one, fail));
  EXPECT_FALSE(facts.prove(one, fail));
  EXPECT_EQ(runs, 2);
  EXPECT_TRUE(facts.prove(one, pass));
  EXPECT_TRUE(facts.prove(one, pass));
  EXPECT_EQ(runs, 3);
  EXPECT_FALSE(facts.prove(two, fail));
  EXPECT_FALSE(facts.prove(Digest(), fail));  // no hash, no memory
  EXPECT_TRUE(facts.prove(Digest(), pass));
  EXPECT_TRUE(facts.prove(Digest(), pass));
  EXPECT_EQ(runs, 7);
}

}  // namespace
}  // namespace attest
