// Quote first, read the logs after, match a prefix: on software TPMs that hold recorded boots.
#include "drivers/tpm/logs.h"

#include <gtest/gtest.h>

#include <fstream>

#include "drivers/table.h"
#include "evidence/core/file.h"
#include "evidence/tpm/attest.h"
#include "evidence/tpm/pcr_selection.h"
#include "test/support/measured_machine.h"
#include "test/support/tpm_driver.h"

namespace attest {
namespace {

using test::MeasuredMachine;

class LogsTest : public test::TpmDriverTest {
 protected:
  void play(const std::string& boot, std::size_t ima_entries = MeasuredMachine::kAll) {
    start();
    ASSERT_TRUE(tpm_);
    machine_ = MeasuredMachine::replay(*tpm_, boot, ima_entries);
    ASSERT_TRUE(machine_);
    config_.event_log = machine_->event_log();
    config_.ima_list = machine_->ima_list();
  }
  Result<Anchor> quote() { return opened_.driver->quote(sha256(as_view("q"))); }
  // covered quotes, matches, checks the values against the quote and returns the number of IMA entries; -1 on
  // failure.
  int covered() {
    auto anchor = quote();
    if (!anchor) return ADD_FAILURE() << anchor.error().what, -1;
    return covered_by(*anchor);
  }
  int covered_by(const Anchor& anchor) {
    auto log = opened_.driver->log(anchor);
    if (!log) return ADD_FAILURE() << log.error().what, -1;
    log_ = *log;
    auto statement = parse_attest(std::get<TpmAnchor>(anchor).attest);
    if (!statement) return -1;
    HashAlg hash = config_.ak_algorithm == "ec-p384" ? HashAlg::sha384 : HashAlg::sha256;
    EXPECT_EQ(to_bytes(pcr_digest(hash, log_->pcr_values).view()), statement->quote()->pcr_digest);
    EXPECT_GE(log_->events.size(), log_->tcg_events + log_->ima_covered);
    return static_cast<int>(log_->ima_covered);
  }
  std::string refusal() {
    auto anchor = quote();
    if (!anchor) return "no quote: " + anchor.error().what;
    auto log = opened_.driver->log(*anchor);
    if (log) return "matched";
    EXPECT_EQ(log.error().code, Errc::mismatch) << log.error().what;
    return log.error().what;
  }

  std::unique_ptr<MeasuredMachine> machine_;
  const MeasuredLog* log_ = nullptr;
};

struct Boot {
  const char* name;
  HashAlg bank;
  const char* algorithm;
  int entries;
};
class LogsOfBoot : public LogsTest, public testing::WithParamInterface<Boot> {};

TEST_P(LogsOfBoot, ExplainTheQuote) {
  play(GetParam().name);
  config_.pcrs.bank = GetParam().bank;
  config_.ak_algorithm = GetParam().algorithm;
  open();
  EXPECT_EQ(covered(), GetParam().entries);
  for (std::size_t i = 0; i < config_.pcrs.pcrs.size(); i++)
    EXPECT_EQ(log_->pcr_values[i], machine_->recorded_pcr(GetParam().bank, config_.pcrs.pcrs[i])) << i;
  EXPECT_GT(log_->tcg_events, 20u);
  EXPECT_EQ(log_->bank, GetParam().bank);
}

INSTANTIATE_TEST_SUITE_P(All, LogsOfBoot,
                         testing::Values(Boot{"tis", HashAlg::sha256, "ec-p256", 363},
                                         Boot{"tis", HashAlg::sha1, "ec-p256", 363},
                                         Boot{"tis", HashAlg::sha384, "ec-p384", 363},
                                         Boot{"crb", HashAlg::sha256, "ec-p256", 1563},
                                         Boot{"secureboot", HashAlg::sha256, "ec-p384", 363}),
                         [](const auto& row) {
                           return std::string(row.param.name) + hash_alg_name(row.param.bank);
                         });

TEST_F(LogsTest, FollowTheListWhileItGrows) {
  play("tis", 10);
  open();
  EXPECT_EQ(covered(), 10);
  std::uint64_t generation = log_->generation;
  EXPECT_EQ(covered(), 10);  // nothing happened
  ASSERT_TRUE(machine_->grow(5));
  EXPECT_EQ(covered(), 15);
  // Entries that come between the quote and the reading are in the list and not in the quote.
  auto quoted = quote();
  ASSERT_TRUE(quoted);
  ASSERT_TRUE(machine_->grow(100));
  EXPECT_EQ(covered_by(*quoted), 15);
  EXPECT_EQ(covered(), 115);
  ASSERT_TRUE(machine_->measure_file("/usr/bin/new"));
  ASSERT_TRUE(machine_->list_violation("/var/log/open"));
  EXPECT_EQ(covered(), 117);
  EXPECT_EQ(log_->generation, generation);
  const MeasuredEvent& violation = log_->events[log_->tcg_events + 116];
  EXPECT_EQ(violation.digest, Digest::filled(HashAlg::sha256, 0xff));
  EXPECT_EQ(violation.full.digest, Bytes(20));
}

TEST_F(LogsTest, MatchAPrefixOfAListReadLate) {
  play("tis", 61);
  open();
  auto quoted = quote();
  ASSERT_TRUE(quoted);
  ASSERT_TRUE(machine_->grow(3));
  EXPECT_EQ(covered_by(*quoted), 61);
  EXPECT_GE(log_->events.size(), log_->tcg_events + 64);
}

TEST_F(LogsTest, AnotherBootHasAnotherGeneration) {
  play("tis");
  open();
  ASSERT_EQ(covered(), 363);
  std::uint64_t first = log_->generation;
  ASSERT_TRUE(tpm_->reset());
  EXPECT_NE(refusal().find("PCR 0"), std::string::npos);  // the TPM forgot, the logs did not
  ASSERT_TRUE(machine_->measure_event(4, "another boot loader"));
  tpm_->stop();
  ASSERT_TRUE(tpm_->run());
  ASSERT_TRUE(machine_->play_again());
  EXPECT_EQ(covered(), 363);
  EXPECT_NE(log_->generation, first);
}

TEST_F(LogsTest, TheSameBootAfterARebootStartsOver) {
  play("tis", 20);
  open();
  ASSERT_EQ(covered(), 20);
  tpm_->stop();
  std::filesystem::resize_file(machine_->ima_list(), 0);
  ASSERT_TRUE(tpm_->run());
  ASSERT_TRUE(machine_->play_again());
  EXPECT_EQ(covered(), 0);
}

TEST_F(LogsTest, AFirmwareEventThatIsLoggedLateIsFound) {
  play("tis");
  open();
  ASSERT_EQ(covered(), 363);
  std::size_t before = log_->tcg_events;
  std::uint64_t generation = log_->generation;
  ASSERT_TRUE(machine_->measure_event(14, "MokList"));
  EXPECT_EQ(covered(), 363);
  EXPECT_EQ(log_->tcg_events, before + 1);
  EXPECT_NE(log_->generation, generation);
}

TEST_F(LogsTest, NameThePcrTheyDoNotExplain) {
  for (std::uint32_t pcr : {7u, 10u, 14u}) {
    play("tis", 50);
    open();
    ASSERT_EQ(covered(), 50);
    ASSERT_TRUE(machine_->extend_unlogged(pcr));
    std::string text = refusal();
    EXPECT_NE(text.find("do not explain PCR " + std::to_string(pcr) + " "), std::string::npos) << text;
    EXPECT_NE(text.find(pcr == 10 ? machine_->ima_list() : machine_->event_log()), std::string::npos) << text;
    EXPECT_NE(text.find("remedy: "), std::string::npos) << text;
  }
}

TEST_F(LogsTest, AnImaEntryThatWasTakenOutIsNoticed) {
  play("tis", 50);
  auto list = read_file(machine_->ima_list(), 1 << 20);
  ASSERT_TRUE(list);
  auto parsed = parse_ima_list(*list);
  ASSERT_TRUE(parsed);
  auto end = parsed->entries.front().data;
  std::ofstream(machine_->ima_list(), std::ios::binary)
      << as_text(View(*list).subspan(static_cast<std::size_t>(end.data() + end.size() - list->data())));
  open();
  EXPECT_NE(refusal().find("PCR 10"), std::string::npos);
}

TEST_F(LogsTest, WithoutAListPcrTenIsTheOneNamed) {
  play("tis", 5);
  config_.ima_list.clear();
  open();
  std::string text = refusal();
  EXPECT_NE(text.find("PCR 10"), std::string::npos) << text;
  EXPECT_NE(text.find("no ima_list is configured"), std::string::npos) << text;
  config_.pcrs.pcrs = {0, 1, 2, 3, 4, 5, 6, 7};
  open();
  EXPECT_EQ(covered(), 0);
}

TEST_F(LogsTest, WithoutLogsTheQuoteCarriesTheValues) {
  play("tis", 5);
  config_.ima_list.clear();
  config_.event_log.clear();
  open();
  auto anchor = quote();
  ASSERT_TRUE(anchor) << anchor.error().what;
  const auto& values = std::get<TpmAnchor>(*anchor).pcr_values;
  ASSERT_EQ(values.size(), config_.pcrs.pcrs.size());
  EXPECT_EQ(values[7], machine_->recorded_pcr(HashAlg::sha256, 7));
  auto log = opened_.driver->log(*anchor);
  ASSERT_TRUE(log);
  EXPECT_EQ(*log, nullptr);
  EXPECT_FALSE(opened_.driver->raw_log(LogKind::tcg));
}

TEST_F(LogsTest, AMissingOrBrokenLogIsNamed) {
  play("tis", 5);
  config_.event_log = tpm_->dir() / "nowhere";
  open();
  auto anchor = quote();
  ASSERT_TRUE(anchor);
  auto log = opened_.driver->log(*anchor);
  ASSERT_FALSE(log);
  EXPECT_EQ(log.error().code, Errc::io);
  EXPECT_NE(log.error().what.find("nowhere"), std::string::npos) << log.error().what;
  std::filesystem::resize_file(machine_->event_log(), 1000);
  config_.event_log = machine_->event_log();
  open();
  log = opened_.driver->log(*anchor);
  ASSERT_FALSE(log);
  EXPECT_EQ(log.error().code, Errc::malformed);
}

TEST_F(LogsTest, RawLogsAreWhole) {
  play("tis", 5);
  open();
  for (auto [kind, path] :
       {std::pair{LogKind::tcg, machine_->event_log()}, {LogKind::ima, machine_->ima_list()}}) {
    auto raw = opened_.driver->raw_log(kind);
    auto file = read_file(path, 1 << 20);
    ASSERT_TRUE(raw && file);
    EXPECT_EQ(*raw, *file);
  }
}

TEST(GrowingFileTest, TellsAppendedFromReplaced) {
  test::TempDir dir;
  std::string path = dir.file("list");
  auto write = [&](const std::string& text, std::ios::openmode mode) { std::ofstream(path, mode) << text; };
  GrowingFile file(path, 1000);
  EXPECT_FALSE(file.read());
  write("one", std::ios::trunc);
  auto piece = file.read();
  ASSERT_TRUE(piece);
  EXPECT_TRUE(piece->restarted);
  write("two", std::ios::app);
  piece = file.read();
  ASSERT_TRUE(piece);
  EXPECT_FALSE(piece->restarted);
  EXPECT_EQ(as_text(piece->bytes), "two");
  piece = file.read();
  ASSERT_TRUE(piece);
  EXPECT_TRUE(!piece->restarted && piece->bytes.empty());
  write("xnetwothree", std::ios::trunc);  // in place, longer, different
  piece = file.read();
  ASSERT_TRUE(piece);
  EXPECT_TRUE(piece->restarted);
  EXPECT_EQ(as_text(piece->bytes), "xnetwothree");
  write("x", std::ios::trunc);  // shorter
  piece = file.read();
  ASSERT_TRUE(piece);
  EXPECT_TRUE(piece->restarted);
  std::filesystem::remove(path);
  write("xyz", std::ios::trunc);  // another file of that name
  piece = file.read();
  ASSERT_TRUE(piece);
  EXPECT_TRUE(piece->restarted);
  write(std::string(2000, 'a'), std::ios::app);
  auto long_file = file.read();
  ASSERT_FALSE(long_file);
  EXPECT_EQ(long_file.error().code, Errc::malformed);
}

TEST(GrowingFileTest, ReadsFilesThatClaimSizeZero) {
  GrowingFile file("/proc/self/status", 1 << 20);
  auto piece = file.read();
  ASSERT_TRUE(piece);
  EXPECT_TRUE(piece->restarted);
  EXPECT_GT(piece->bytes.size(), 100u);
  piece = file.read();
  ASSERT_TRUE(piece);
  EXPECT_FALSE(piece->restarted);
}

}  // namespace
}  // namespace attest
