// Firmware logs judged by themselves: what their data proves, and what relabelled or added records do not.
#include "verifier/logs/event_log.h"

#include <gtest/gtest.h>

#include "test/support/recording.h"

namespace attest {
namespace {
using namespace attest::test;

constexpr std::uint16_t kSha1 = 4, kSha256 = 11;
constexpr std::uint32_t kSeparator = 4, kConfig = 0x80000001, kAction = 0x80000007;
constexpr std::array<std::uint8_t, 16> kGlobal{0x61, 0xdf, 0xe4, 0x8b, 0xca, 0x93, 0xd2, 0x11,
                                               0xaa, 0x0d, 0x00, 0xe0, 0x98, 0x03, 0x2b, 0x8c};

Bytes variable(std::string_view name, View data) {
  Writer w;
  w.put(kGlobal);
  w.u64le(name.size());
  w.u64le(data.size());
  for (char c : name) w.u16le(static_cast<std::uint8_t>(c));
  w.put(data);
  return must(std::move(w).finish("variable"));
}

// A log in sha1 and sha256 whose digests are those of the data, unless the test says otherwise.
class Log {
 public:
  Log& add(std::uint32_t pcr, std::uint32_t type, Bytes data) { return add(pcr, type, data, data); }
  Log& add(std::uint32_t pcr, std::uint32_t type, Bytes data, const Bytes& measured) {
    events_.push_back({pcr, type, std::move(data), hash_of(HashAlg::sha1, {measured}), sha256(measured)});
    return *this;
  }
  Log& separators() {
    for (std::uint32_t pcr = 0; pcr < 8; pcr++) add(pcr, kSeparator, Bytes(4, 0));
    return *this;
  }
  TcgEventLog log() const {
    TcgEventLog log;
    log.format = TcgLogFormat::crypto_agile;
    log.algorithms = {{kSha1, 20}, {kSha256, 32}};
    for (const Event& e : events_)
      log.events.push_back({e.pcr, e.type, {{kSha1, e.sha1.view()}, {kSha256, e.sha256.view()}}, e.data, 0});
    return log;
  }
  EventLogJudgement judge(EventLogRules rules = {}, PcrValues pcrs = {}) const {
    return must(judge_event_log(log(), {std::move(rules), std::move(pcrs), false}));
  }
  struct Event {
    std::uint32_t pcr, type;
    Bytes data;
    Digest sha1, sha256;
  };
  std::vector<Event> events_;
};

Bytes text(std::string_view words) { return to_bytes(as_view(words)); }
Bytes secure_boot(std::uint8_t value) { return variable("SecureBoot", Bytes{value}); }

std::string failed(const EventLogJudgement& judgement) {
  std::string ids;
  for (const Finding& check : judgement.checks.checks)
    if (check.outcome == Outcome::fail) ids += (ids.empty() ? "" : " ") + check.id;
  return ids;
}
EventLogRules on() {
  EventLogRules rules;
  rules.secure_boot = true;
  return rules;
}

TEST(EventLogJudgement, SecureBootIsProvenByItsDigestBeforeTheSeparator) {
  Log log;
  log.add(7, kConfig, secure_boot(1)).separators();
  EXPECT_EQ(failed(log.judge(on())), "");
  EXPECT_EQ(log.judge().secure_boot.state, SecureBoot::State::on);
}

TEST(EventLogJudgement, SecureBootOffIsRefusedWhereItIsDemanded) {
  Log log;
  log.add(7, kConfig, secure_boot(0)).separators();
  EXPECT_EQ(failed(log.judge(on())), "eventlog.secure-boot");
}

TEST(EventLogJudgement, DataThatWasNotMeasuredProvesNothing) {
  Log log;
  log.add(7, kConfig, secure_boot(1), secure_boot(0)).separators();
  EXPECT_EQ(log.judge().secure_boot.variable, true);  // what the log says
  EXPECT_EQ(log.judge().secure_boot.state, SecureBoot::State::unknown);
  EXPECT_EQ(failed(log.judge(on())), "eventlog.secure-boot");
}

TEST(EventLogJudgement, AVariableBehindTheSeparatorIsAnyones) {
  Log log;
  log.separators().add(7, kConfig, secure_boot(1));
  EXPECT_EQ(failed(log.judge(on())), "eventlog.secure-boot");
}

TEST(EventLogJudgement, RelabellingTheSeparatorHidesItFromNobody) {
  Log log;
  log.add(7, 0x0d, Bytes(4, 0)).add(7, kConfig, secure_boot(1)).separators();  // EV_IPL, measured as a separator
  EXPECT_EQ(failed(log.judge(on())), "eventlog.secure-boot");
}

TEST(EventLogJudgement, TheVariableInAnotherPcrProvesNothing) {
  for (std::uint32_t pcr : {1U, 5U, 8U}) {
    Log log;
    log.add(pcr, kConfig, secure_boot(1)).separators();
    EXPECT_EQ(failed(log.judge(on())), "eventlog.secure-boot") << pcr;
  }
}

TEST(EventLogJudgement, TwoValuesContradict) {
  Log log;
  log.add(7, kConfig, secure_boot(0)).add(7, kConfig, secure_boot(1)).separators();
  EXPECT_EQ(failed(log.judge(on())), "eventlog.secure-boot");
}

TEST(EventLogJudgement, DataMeasuredInOneBankAloneIsTampering) {
  Log log;
  log.add(7, kConfig, secure_boot(1)).separators();
  log.events_[0].sha1 = Digest::filled(HashAlg::sha1, 0x11);
  EXPECT_EQ(failed(log.judge()), "eventlog.data");
}

TEST(EventLogJudgement, PcrValuesMustBeWhatTheLogReplaysTo) {
  Log log;
  log.add(7, kConfig, secure_boot(1)).separators();
  EventLogJudgement found = log.judge();
  PcrValues pcrs;
  for (const BankValues& bank : found.banks)
    for (const auto& [reg, value] : bank.values) pcrs[bank.alg][reg] = to_bytes(value.view());
  EXPECT_EQ(failed(log.judge({}, pcrs)), "");
  pcrs[kSha256][7][0] ^= 1;
  EXPECT_EQ(failed(log.judge({}, pcrs)), "eventlog.pcrs");
  pcrs[kSha256][7][0] ^= 1;
  pcrs[kSha256].erase(3);
  EXPECT_EQ(failed(log.judge({}, pcrs)), "");
  EXPECT_EQ(failed(log.judge({}, {{0x000c, {{7, Bytes(48, 1)}}}})), "eventlog.pcrs");  // no bank in common
}

TEST(EventLogJudgement, AFirmwarePcrThatTheLogDoesNotExplainIsRefused) {
  Log log;
  log.add(0, 8, text("v1"));
  PcrValues pcrs{{kSha256, {{0, to_bytes(log.judge().banks[1].values.at(0).view())}, {5, Bytes(32, 7)}}}};
  EXPECT_EQ(failed(log.judge({}, pcrs)), "eventlog.pcrs");
  pcrs[kSha256][5] = Bytes(32, 0);
  EXPECT_EQ(failed(log.judge({}, pcrs)), "");
}

TEST(EventLogJudgement, RulesTurnWarningsIntoRefusals) {
  Log log;
  log.add(7, kConfig, secure_boot(1)).add(7, kAction, text("UEFI Debug Mode")).separators();
  log.add(7, kAction, text("DMA Protection Disabled"));
  EXPECT_EQ(failed(log.judge()), "");
  EventLogRules rules;
  rules.no_debug = rules.dma_protection = rules.exit_boot_services = true;
  EXPECT_EQ(failed(log.judge(rules)), "eventlog.debug-mode eventlog.dma-protection eventlog.exit-boot-services");
}

TEST(EventLogJudgement, WhatIsMeasuredAfterTheFirmwareWasLeftIsFound) {
  Log log;
  log.separators().add(5, kAction, text("Exit Boot Services Invocation"));
  log.add(5, kAction, text("Exit Boot Services Returned with Success"));
  EventLogRules rules;
  rules.exit_boot_services = true;
  EXPECT_EQ(failed(log.judge(rules)), "");
  log.add(4, 0x0d, text("late"));
  EXPECT_EQ(failed(log.judge(rules)), "eventlog.after-exit-boot-services");
}

TEST(EventLogJudgement, SeparatorsMustBeThereAndReportNoError) {
  Log missing, error, forged;
  missing.add(0, kSeparator, Bytes(4, 0));
  error.separators().add(2, kSeparator, Bytes{1, 0, 0, 0});
  forged.separators().add(3, kSeparator, Bytes(4, 0), text("something else"));
  EventLogRules rules;
  rules.separators = true;
  for (const Log* log : {&missing, &error, &forged}) EXPECT_EQ(failed(log->judge(rules)), "eventlog.separators");
}

TEST(EventLogJudgement, OnlyListedImagesMayRun) {
  Writer w;
  for (int i = 0; i < 3; i++) w.u64le(0);
  w.u64le(4);
  w.put(Bytes{0x7f, 0xff, 4, 0});
  Log log;
  log.add(4, 0x80000003, must(std::move(w).finish("image")), text("an image")).separators();
  EventLogRules rules;
  rules.images = {Bytes(32, 1)};
  EXPECT_EQ(failed(log.judge(rules)), "eventlog.images");
  rules.images.push_back(to_bytes(sha256(text("an image")).view()));
  EXPECT_EQ(failed(log.judge(rules)), "");
}

TEST(EventLogJudgement, RecordedBootsAreUnderstood) {
  for (const char* boot : kBoots) {
    Bytes bytes = recording(boot).event_log;
    TcgEventLog log = must(parse_tcg_event_log(bytes));
    EventLogJudgement judgement = must(judge_event_log(log, {}));
    EXPECT_EQ(failed(judgement), "") << boot;
    EXPECT_EQ(judgement.secure_boot.state, std::string_view(boot) == "secureboot" ? SecureBoot::State::on : SecureBoot::State::off);
  }
}

}  // namespace
}  // namespace attest
