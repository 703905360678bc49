// TCG event logs: both formats, their oddities, and malformed ones.
#include "evidence/logs/tcg_event_log.h"

#include <gtest/gtest.h>

#include "evidence/logs/replay.h"
#include "evidence/logs/tcg_event_text.h"
#include "test/support/recording.h"

namespace attest {
namespace {
using namespace attest::test;

constexpr std::string_view kSpecId{"Spec ID Event03\0", 16};
constexpr std::string_view kLocality{"StartupLocality\0", 16};

void sha1_record(Writer& w, std::uint32_t pcr, std::uint32_t type, View data, std::uint8_t digest = 0) {
  w.u32le(pcr);
  w.u32le(type);
  w.put(Bytes(20, digest));
  w.u32le(static_cast<std::uint32_t>(data.size()));
  w.put(data);
}

Bytes locality_data(std::uint8_t locality) {
  Bytes data = to_bytes(as_view(kLocality));
  data.push_back(locality);
  return data;
}

struct Alg {
  std::uint16_t id;
  std::uint16_t size;
};

// A crypto-agile log with the given banks; records are added by the test.
struct AgileLog {
  explicit AgileLog(std::vector<Alg> banks) : algs(std::move(banks)) {
    Writer spec;
    spec.put(as_view(kSpecId));
    spec.u32le(0);
    spec.put(Bytes{0, 2, 0, 2});
    spec.u32le(static_cast<std::uint32_t>(algs.size()));
    for (Alg a : algs) {
      spec.u16le(a.id);
      spec.u16le(a.size);
    }
    spec.u8(0);
    sha1_record(out, 0, kEvNoAction, must(std::move(spec).finish("spec")));
  }
  void record(std::uint32_t pcr, std::uint32_t type, View data, std::uint8_t digest) {
    out.u32le(pcr);
    out.u32le(type);
    out.u32le(static_cast<std::uint32_t>(algs.size()));
    for (Alg a : algs) {
      out.u16le(a.id);
      out.put(Bytes(a.size, digest));
    }
    out.u32le(static_cast<std::uint32_t>(data.size()));
    out.put(data);
  }
  Bytes finish() { return must(std::move(out).finish("log")); }
  std::vector<Alg> algs;
  Writer out;
};

const std::vector<Alg> kSha256{{0x000b, 32}};

TEST(TcgEventLog, RecordedBootsParseAndTheirTwinsDoNot) {
  for (const char* boot : kBoots) {
    Bytes bytes = recording(boot).event_log;
    TcgEventLog log = must(parse_tcg_event_log(bytes));
    EXPECT_EQ(log.format, TcgLogFormat::crypto_agile);
    EXPECT_TRUE(log.has_bank(HashAlg::sha256));
    EXPECT_FALSE(parse_tcg_event_log(trailed(bytes)));
    std::vector<std::size_t> ends;
    for (const TcgEvent& e : log.events) ends.push_back(e.offset);
    for (std::size_t size = 1; size < bytes.size(); size++)
      EXPECT_EQ(bool(parse_tcg_event_log(View(bytes).first(size))), std::ranges::count(ends, size) == 1)
          << size;
  }
}

TEST(TcgEventLog, EmptyLogHasNoEvents) { EXPECT_TRUE(must(parse_tcg_event_log({})).events.empty()); }

TEST(TcgEventLog, Sha1FormatIsRead) {
  Writer w;
  sha1_record(w, 4, 0x0d, as_view("GRUB"), 7);
  sha1_record(w, 5, 4, Bytes(4, 0), 8);
  Bytes bytes = must(std::move(w).finish("log"));
  TcgEventLog log = must(parse_tcg_event_log(bytes));
  EXPECT_EQ(log.format, TcgLogFormat::sha1);
  ASSERT_EQ(must(tcg_measured_events(log, HashAlg::sha1)).size(), 2U);
  EXPECT_EQ(tcg_measured_events(log, HashAlg::sha256).error().code, Errc::unsupported);
  EXPECT_FALSE(parse_tcg_event_log(trailed(bytes)));
  EXPECT_FALSE(parse_tcg_event_log(truncated(bytes)));
}

TEST(TcgEventLog, AFirstRecordOf17BytesMayBeTheStartupLocality) {
  Writer w;
  sha1_record(w, 0, kEvNoAction, locality_data(3));
  Bytes bytes = must(std::move(w).finish("log"));
  TcgEventLog log = must(parse_tcg_event_log(bytes));
  EXPECT_EQ(log.startup_locality, 3);
  EXPECT_TRUE(must(tcg_measured_events(log, HashAlg::sha1)).empty());
}

TEST(TcgEventLog, StartupLocalitySetsTheStartOfPcr0Alone) {
  AgileLog agile(kSha256);
  agile.record(0, kEvNoAction, locality_data(4), 0);
  agile.record(0, 8, as_view("v1"), 0x55);
  Bytes bytes = agile.finish();
  TcgEventLog log = must(parse_tcg_event_log(bytes));
  ASSERT_EQ(log.startup_locality, 4);
  PcrReplay replay = must(PcrReplay::make(HashAlg::sha256, *log.startup_locality));
  for (const MeasuredEvent& e : must(tcg_measured_events(log, HashAlg::sha256)))
    replay.extend(e.pcr, e.digest);
  Bytes start(32, 0);
  start[31] = 4;
  EXPECT_EQ(replay.value(0), sha256({start, Bytes(32, 0x55)}));
}

TEST(TcgEventLog, StartupLocalityBehindAnExtendOfPcr0IsIgnored) {
  AgileLog agile(kSha256);
  agile.record(0, 8, as_view("v1"), 0x55);
  agile.record(0, kEvNoAction, locality_data(4), 0);
  Bytes bytes = agile.finish();
  EXPECT_FALSE(must(parse_tcg_event_log(bytes)).startup_locality);
}

TEST(TcgEventLog, StartupLocalityOfAnExtendingRecordIsIgnored) {
  AgileLog agile(kSha256);
  agile.record(0, 5, locality_data(4), 0x11);
  Bytes bytes = agile.finish();
  EXPECT_FALSE(must(parse_tcg_event_log(bytes)).startup_locality);
}

TEST(TcgEventLog, TwoStartupLocalitiesAreMalformed) {
  AgileLog agile(kSha256);
  agile.record(0, kEvNoAction, locality_data(3), 0);
  agile.record(0, kEvNoAction, locality_data(4), 0);
  EXPECT_FALSE(parse_tcg_event_log(agile.finish()));
}

TEST(TcgEventLog, AlgorithmsWeDoNotKnowAreSkippedByTheirDeclaredSize) {
  AgileLog agile({{0x0012, 32}, {0x000b, 32}, {0x1234, 17}});  // sm3, sha256, one of the future
  agile.record(1, 5, as_view("x"), 0x22);
  Bytes bytes = agile.finish();
  TcgEventLog log = must(parse_tcg_event_log(bytes));
  auto events = must(tcg_measured_events(log, HashAlg::sha256));
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].digest, Digest::filled(HashAlg::sha256, 0x22));
  EXPECT_EQ(log.events[1].digests[2].value.size(), 17U);
}

TEST(TcgEventLog, AlgorithmsTheSpecIdDoesNotDeclareAreMalformed) {
  AgileLog agile(kSha256);
  agile.algs = {{0x000c, 48}};
  agile.record(1, 5, as_view("x"), 0x22);
  EXPECT_EQ(parse_tcg_event_log(agile.finish()).error().code, Errc::malformed);
}

TEST(TcgEventLog, DeclaredSizesMustBeThoseOfTheAlgorithm) {
  for (Alg bad : {Alg{0x000b, 31}, Alg{0x000b, 0}, Alg{0x1234, 129}}) {
    AgileLog agile({bad});
    EXPECT_FALSE(parse_tcg_event_log(agile.finish())) << bad.id << " " << bad.size;
  }
  EXPECT_FALSE(parse_tcg_event_log(AgileLog({{0x000b, 32}, {0x000b, 32}}).finish()));  // declared twice
  EXPECT_FALSE(parse_tcg_event_log(AgileLog({}).finish()));
}

TEST(TcgEventLog, HostileCountsAreRefusedWithoutAllocation) {
  for (std::size_t at : {8U, 14U + 32U}) {  // digest count; event size
    AgileLog agile(kSha256);
    std::size_t head = agile.out.size();
    agile.record(1, 5, as_view("x"), 0x22);
    Bytes bytes = agile.finish();
    std::fill_n(bytes.begin() + static_cast<std::ptrdiff_t>(head + at), 4, std::uint8_t{0xff});
    EXPECT_EQ(parse_tcg_event_log(bytes).error().code, Errc::malformed);
  }
}

TEST(TcgEventLog, OnlyNoActionMayNameAPcrThatDoesNotExist) {
  AgileLog good(kSha256);
  good.record(kNoPcr, kEvNoAction, as_view("WBCL"), 0);
  Bytes bytes = good.finish();
  EXPECT_TRUE(parse_tcg_event_log(bytes));
  for (std::uint32_t pcr : {24U, 255U, kNoPcr}) {
    AgileLog bad(kSha256);
    bad.record(pcr, 5, as_view("x"), 1);
    EXPECT_FALSE(parse_tcg_event_log(bad.finish())) << pcr;
  }
}

TEST(TcgEventLog, ARepeatedDigestOfOneBankIsMalformed) {
  AgileLog agile({{0x000b, 32}, {0x000c, 48}});
  agile.algs = {{0x000b, 32}, {0x000b, 32}};
  agile.record(1, 5, as_view("x"), 0x22);
  EXPECT_FALSE(parse_tcg_event_log(agile.finish()));
}

TEST(TcgEventLog, ARecordWithoutTheBankDoesNotExtendIt) {
  AgileLog agile({{0x000b, 32}, {0x000c, 48}});
  agile.record(1, 5, as_view("both"), 0x11);
  agile.algs = kSha256;
  agile.record(1, 5, as_view("one"), 0x22);
  Bytes bytes = agile.finish();
  TcgEventLog log = must(parse_tcg_event_log(bytes));
  EXPECT_EQ(must(tcg_measured_events(log, HashAlg::sha256)).size(), 2U);
  EXPECT_EQ(must(tcg_measured_events(log, HashAlg::sha384)).size(), 1U);
  EXPECT_EQ(tcg_measured_events(log, HashAlg::sha512).error().code, Errc::unsupported);
}

TEST(TcgEventLog, DataTravelsCutAt1024Bytes) {
  AgileLog agile(kSha256);
  agile.record(1, 5, Bytes(5000, 'a'), 0x22);
  Bytes bytes = agile.finish();
  auto events = must(tcg_measured_events(must(parse_tcg_event_log(bytes)), HashAlg::sha256));
  EXPECT_EQ(events[0].full.data.size(), 1024U);
  EXPECT_EQ(must(parse_tcg_event_log(bytes)).events[1].data.size(), 5000U);
}

TEST(TcgEventText, NamesAndDescriptionsOfARealBoot) {
  Bytes bytes = recording("secureboot").event_log;
  TcgEventLog log = must(parse_tcg_event_log(bytes));
  std::vector<std::string> texts;
  for (const TcgEvent& e : log.events)
    texts.push_back(tcg_event_type_name(e.type) + " " + tcg_event_text(e.type, e.data));
  for (const char* expected : {"EV_EFI_VARIABLE_DRIVER_CONFIG SecureBoot", "EV_EFI_VARIABLE_AUTHORITY db",
                               "EV_EFI_ACTION Exit Boot Services Invocation"})
    EXPECT_EQ(std::ranges::count(texts, expected), 1) << expected;
  EXPECT_TRUE(
      std::ranges::any_of(texts, [](const std::string& t) { return t.find("grubx64.efi") != t.npos; }));
}

TEST(TcgEventText, TextsArePrintableAndShortWhateverTheData) {
  Bytes junk;
  for (int i = 0; i < 3000; i++) junk.push_back(static_cast<std::uint8_t>(i * 37 % 255 + 1));
  for (std::uint32_t type : {1U, 5U, 8U, 0x0dU, 0x80000001U, 0x80000003U, 0x8000000aU, 0x12345678U})
    for (std::size_t n : {0U, 1U, 15U, 33U, 3000U}) {
      std::string text = tcg_event_text(type, View(junk).first(n));
      EXPECT_LE(text.size(), 120U);
      EXPECT_TRUE(std::ranges::all_of(text, [](char c) { return c >= 0x20 && c < 0x7f; }));
    }
  EXPECT_EQ(tcg_event_type_name(0x1234abcd), "EV_0x1234abcd");
  EXPECT_EQ(tcg_event_text(0x0d, Bytes{'a', 0, 'b', 0, 0, 0}), "ab");
  Bytes text{'a', 0, 'b', 0, 'c', 0, 'd', 0, 'e', 0, 'f', 0, 0x3d, 0xd8, 0x00, 0xde, 'g', 0, 'h'};
  EXPECT_EQ(tcg_event_text(0x0d, text), "abcdef?g") << "one character, half a character";
}

}  // namespace
}  // namespace attest
