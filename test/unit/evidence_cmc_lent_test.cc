// Logs that a report lends: they say what copies of them say, and nothing else is taken or refused.
#include <gtest/gtest.h>

#include "evidence/cmc/report.h"

namespace attest::cmc {
namespace {

Component event(std::string name, std::vector<ComponentHash> hashes) {
  Component out;
  out.type = "application";
  out.name = std::move(name);
  out.hashes = std::move(hashes);
  out.description = "/usr/lib/" + out.name;
  out.properties = {{"cmc.ta", "TPM"}, {"cmc.index", "10"}};
  return out;
}

// a_report has a log with every kind of event, and other artifacts beside it.
Report a_report() {
  Component container = event("container", {{"SHA-256", Bytes(32, 3)}});
  container.ctr = CtrData{Bytes(32, 1), Bytes(32, 2), nlohmann::json{{"process", {{"args", {"sh"}}}}}};
  Component data = event("data", {{"SHA-256", Bytes(32, 4)}});
  data.event_data = nlohmann::json{{"a", 1}};
  Component full = event("full", {{"SHA-256", Bytes(32, 8)}});
  full.version = "1.2";
  full.purl = "pkg:deb/debian/full";
  full.optional = true;
  Artifact log{std::string(kPcrEventlog), 10,
               {event("plain", {{"SHA-256", Bytes(32, 5)}}), event("of two banks", {{"SHA-1", Bytes(20, 6)}, {"SHA-256", Bytes(32, 7)}}),
                event("without a digest", {}), container, data, full, Component{}}};
  Artifact summary{std::string(kPcrSummary), 1, {event("value", {{"SHA-256", Bytes(32, 9)}})}};
  Report report;
  report.encoding = Encoding::cbor;
  report.version = kReportVersion;
  report.type = kReportType;
  report.context.type = "Context";
  report.context.alg = "SHA-256";
  report.context.nonce = Bytes(8, 7);
  report.context.digests = {"00ff", "11"};
  report.context.metadata = {{"00ff", Bytes(40, 0xd8)}, {"11", {}}};
  report.context.collateral = {{std::string(kTpmEvidence), {}, {}, {summary, log}}};
  return report;
}

Bytes encoded(const Report& report) { return encode_report(report, encode_context(report.context, report.encoding)); }

const Artifact& log_of(const Report& report) { return report.context.collateral.at(0).artifacts.at(1); }

// said is what an event that was lent says, as a component; what only whole ones keep is left out of plain ones.
Component said(const LentComponent& lent) {
  if (lent.whole) return *lent.whole;
  Component out;
  out.name = lent.name;
  out.description = lent.description;
  if (!lent.alg.empty()) out.hashes = {{std::string(lent.alg), to_bytes(lent.content)}};
  return out;
}

TEST(LentLogs, SayWhatCopiesOfThemSay) {
  Report made = a_report();
  Bytes bytes = encoded(made);
  auto copied = decode_report(bytes), lent = decode_lent_report(bytes);
  ASSERT_TRUE(bool(copied) && bool(lent));
  EXPECT_EQ(copied->context.collateral, made.context.collateral);
  EXPECT_EQ(lent->context.collateral[0].artifacts[0], made.context.collateral[0].artifacts[0]);
  EXPECT_TRUE(log_of(*lent).events.empty());
  ASSERT_EQ(log_of(*lent).lent.size(), log_of(made).events.size());
  int whole = 0;
  for (std::size_t i = 0; i < log_of(made).events.size(); i++) {
    const LentComponent& event = log_of(*lent).lent[i];
    Component due = log_of(made).events[i];
    whole += event.whole ? 1 : 0;
    if (!event.whole) {
      due.type = due.version = due.purl = "";
      due.properties.clear();
      due.optional = false;
    }
    EXPECT_EQ(said(event), due) << i;
  }
  EXPECT_EQ(whole, 3);  // two digests, a container, data
  EXPECT_EQ(to_bytes(lent->hashed_context), to_bytes(copied->hashed_context));
  EXPECT_TRUE(lent->context.metadata.empty());
  ASSERT_EQ(copied->context.metadata.size(), made.context.metadata.size());
  ASSERT_EQ(lent->context.lent.size(), made.context.metadata.size());
  for (const auto& [digest, item] : made.context.metadata) {
    EXPECT_EQ(to_bytes(lent->context.lent.at(digest)), item);
    EXPECT_TRUE(item.empty() || std::search(bytes.begin(), bytes.end(), item.begin(), item.end()) != bytes.end());
  }
}

TEST(LentLogs, NothingElseIsTakenOrRefused) {
  Bytes good = encoded(a_report());
  ASSERT_TRUE(decode_lent_report(good));
  int refused = 0;
  for (std::size_t at = 0; at < good.size(); at++)
    for (int flip : {0x01, 0x20, 0x80, 0xff}) {
      Bytes bad = good;
      bad[at] = static_cast<std::uint8_t>(bad[at] ^ flip);
      auto copied = decode_report(bad), lent = decode_lent_report(bad);
      ASSERT_EQ(bool(copied), bool(lent)) << at << ": " << (copied ? lent : copied).error().what;
      refused += copied ? 0 : 1;
      if (!copied) continue;
      ASSERT_EQ(to_bytes(copied->hashed_context), to_bytes(lent->hashed_context)) << at;
    }
  EXPECT_GT(refused, 500);
  for (std::size_t size = 0; size < good.size(); size++) ASSERT_FALSE(decode_lent_report(View(good).first(size))) << size;
}

TEST(LentLogs, AnEventWithMorePropertiesThanAreReadIsRefused) {
  Report report = a_report();
  report.context.collateral[0].artifacts[1].events[0].properties = std::vector<Property>(65, {"a", "b"});
  Bytes bytes = encoded(report);
  EXPECT_FALSE(decode_report(bytes));
  EXPECT_FALSE(decode_lent_report(bytes));
}

TEST(LentLogs, OfJsonAreCopies) {
  Report report = a_report();
  report.encoding = Encoding::json;
  Bytes bytes = encoded(report);
  auto lent = decode_lent_report(bytes);
  ASSERT_TRUE(lent) << lent.error().what;
  EXPECT_TRUE(log_of(*lent).lent.empty());
  EXPECT_EQ(log_of(*lent), log_of(report));
}

}  // namespace
}  // namespace attest::cmc
