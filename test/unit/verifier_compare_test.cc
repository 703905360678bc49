// Two logs side by side.
#include "verifier/logs/compare.h"

#include <gtest/gtest.h>

namespace attest {
namespace {

using Kind = LogDifference::Kind;

std::vector<LoggedEvent> log(std::initializer_list<std::pair<std::uint32_t, std::uint8_t>> events) {
  std::vector<LoggedEvent> out;
  for (auto [reg, digest] : events) out.push_back({out.size(), reg, {digest}, "event " + std::to_string(digest)});
  return out;
}

TEST(CompareLogs, EqualLogsHaveNoDifference) {
  auto a = log({{0, 1}, {4, 2}, {4, 3}});
  EXPECT_TRUE(compare_logs(a, a).differences.empty());
  EXPECT_EQ(compare_logs(a, a).same, (std::vector<std::uint32_t>{0, 4}));
}

TEST(CompareLogs, TheOrderBetweenRegistersIsNotMeasured) {
  EXPECT_TRUE(compare_logs(log({{0, 1}, {4, 2}}), log({{4, 2}, {0, 1}})).differences.empty());
  EXPECT_FALSE(compare_logs(log({{4, 1}, {4, 2}}), log({{4, 2}, {4, 1}})).differences.empty());
}

TEST(CompareLogs, AChangedEventIsNamedInBoth) {
  auto found = compare_logs(log({{0, 1}, {4, 2}, {4, 3}}), log({{0, 1}, {4, 9}, {4, 3}}));
  ASSERT_EQ(found.differences.size(), 1U);
  EXPECT_EQ(found.differences[0].kind, Kind::changed);
  EXPECT_EQ(found.differences[0].first->words, "event 2");
  EXPECT_EQ(found.differences[0].second->words, "event 9");
  EXPECT_FALSE(found.continued);
}

TEST(CompareLogs, AnInsertedEventIsOneLogsAlone) {
  auto found = compare_logs(log({{4, 1}, {4, 3}}), log({{4, 1}, {4, 2}, {4, 3}}));
  ASSERT_EQ(found.differences.size(), 1U);
  EXPECT_EQ(found.differences[0].kind, Kind::only_second);
  EXPECT_EQ(found.differences[0].equal_before, 1U);
  EXPECT_FALSE(found.differences[0].first);
  EXPECT_EQ(compare_logs(log({{4, 1}, {4, 2}, {4, 3}}), log({{4, 1}, {4, 3}})).differences[0].kind, Kind::only_first);
}

TEST(CompareLogs, AGrownLogIsNoContradiction) {
  auto a = log({{10, 1}}), b = log({{10, 1}, {10, 2}});
  EXPECT_TRUE(compare_logs(a, b).continued);
  EXPECT_TRUE(compare_logs(b, a).continued);
  EXPECT_FALSE(compare_logs(log({{10, 1}, {11, 1}}), log({{10, 1}, {10, 2}})).continued);  // both went on, differently
}

TEST(CompareLogs, TheEarliestDifferenceComesFirst) {
  auto found = compare_logs(log({{7, 1}, {0, 2}}), log({{7, 9}, {0, 8}}));
  ASSERT_EQ(found.differences.size(), 2U);
  EXPECT_EQ(found.differences[0].reg, 7U);
}

}  // namespace
}  // namespace attest
