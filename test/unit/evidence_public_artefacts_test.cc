// Logs and quotes of real machines, collected from public repositories: every fact that is published for
// them.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "evidence/core/hex.h"
#include "evidence/logs/ima_list.h"
#include "evidence/logs/replay.h"
#include "evidence/logs/tcg_event_log.h"
#include "evidence/tpm/pcr_selection.h"
#include "evidence/tpm/signature.h"
#include "test/support/recording.h"
#include "test/support/testdata.h"

namespace attest {
namespace {
using namespace attest::test;
using Json = nlohmann::json;

class PublicArtefacts : public testing::Test {
 protected:
  void SetUp() override {
    auto bytes = read_file(testdata("public/expected.json"));
    if (!bytes) GTEST_SKIP() << "public artefacts are not here: " << testdata("public/expected.json");
    expected = Json::parse(bytes->begin(), bytes->end());
  }
  // for_each calls f(path, facts, bytes) for the artefacts below a folder whose name ends so; returns how
  // many.
  template <class F>
  std::size_t for_each(const std::string& folder, const std::vector<std::string>& endings, F&& f) {
    std::size_t n = 0;
    for (const auto& [path, facts] : expected.items()) {
      if (!path.starts_with(folder) || !facts.is_object() || !facts.contains("verdict")) continue;
      if (!std::ranges::any_of(endings, [&p = path](const std::string& e) { return p.ends_with(e); }))
        continue;
      SCOPED_TRACE(path);
      f(path, facts, must_read(testdata("public/" + path)));
      n++;
    }
    return n;
  }
  Json expected;
};

void expect_pcrs(const PcrReplay& replay, const Json& pcrs) {
  for (const auto& [pcr, value] : pcrs.items())
    EXPECT_EQ(to_hex(replay.value(static_cast<std::uint8_t>(std::stoi(pcr))).view()), value) << "PCR " << pcr;
}

void check_event_log(const Json& facts, const TcgEventLog& log) {
  EXPECT_EQ(log.format == TcgLogFormat::sha1 ? "tpm12-sha1" : "crypto-agile",
            facts.value("format", "crypto-agile"));
  EXPECT_EQ(log.events.size(), facts.value("event_records", log.events.size()));
  if (facts.contains("startup_locality")) {
    const Json& locality = facts["startup_locality"];
    EXPECT_EQ(log.startup_locality.has_value(), !locality.is_null());
    EXPECT_EQ(int{log.startup_locality.value_or(0)}, locality.is_null() ? 0 : locality.get<int>());
  }
  for (HashAlg bank : {HashAlg::sha1, HashAlg::sha256, HashAlg::sha384, HashAlg::sha512}) {
    std::string key = std::string("pcrs_") + hash_alg_name(bank);
    if (!facts.contains(key)) continue;
    PcrReplay replay = must(PcrReplay::make(bank, log.startup_locality.value_or(0)));
    for (const MeasuredEvent& e : must(tcg_measured_events(log, bank))) replay.extend(e.pcr, e.digest);
    expect_pcrs(replay, facts[key]);
  }
}

TEST_F(PublicArtefacts, EventLogsReplayToTheirPublishedPcrs) {
  std::size_t compared = for_each(
      "tpm-eventlog/", {".bin", ".log"}, [](const auto& path, const Json& facts, const Bytes& bytes) {
        auto log = parse_tcg_event_log(bytes);
        bool parses = facts["verdict"] == "pass" || path.find("/tampered-") != path.npos;
        ASSERT_EQ(bool(log), parses) << (log ? "parsed" : log.error().what);
        if (log) check_event_log(facts, *log);
      });
  EXPECT_GE(compared, 40U);
}

void check_ima_pcr(const ImaList& list, HashAlg bank, ImaExtend mode, const Json& pcrs) {
  PcrReplay replay = must(PcrReplay::make(bank, 0));
  Hasher hasher = must(Hasher::make(bank));
  for (const ImaEntry& e : list.entries)
    replay.extend(static_cast<std::uint8_t>(e.pcr), must(ima_extend_digest(hasher, e, mode)));
  expect_pcrs(replay, pcrs);
}

void check_ima_list(const Json& facts, const ImaList& list) {
  EXPECT_EQ(list.entries.size(), facts["entries"].get<std::size_t>());
  EXPECT_EQ(std::ranges::count_if(list.entries, &ImaEntry::violation), facts["violations"].get<int>());
  EXPECT_EQ(list.stray_bytes, facts.value("trailing_bytes", std::size_t{0}));
  std::map<std::string, std::size_t> templates;
  std::vector<std::size_t> mismatches;
  Hasher sha1 = must(Hasher::make(HashAlg::sha1));
  for (std::size_t i = 0; i < list.entries.size(); i++) {
    const ImaEntry& e = list.entries[i];
    templates[std::string(e.template_name)]++;
    if (!e.violation() &&
        !equal(must(ima_template_hash(sha1, e.template_name, e.data)).view(), e.template_hash))
      mismatches.push_back(i);
    EXPECT_FALSE(ima_hint(e.template_name, e.data).name.empty()) << i;
  }
  EXPECT_EQ(Json(templates), facts["templates"]);
  EXPECT_EQ(Json(mismatches), facts["template_hash_mismatch_entries"]);
  check_ima_pcr(list, HashAlg::sha1, ImaExtend::template_data, facts["pcrs_sha1"]);
  check_ima_pcr(list, HashAlg::sha256, ImaExtend::template_data, facts["pcrs_sha256"]);
  check_ima_pcr(list, HashAlg::sha256, ImaExtend::padded_sha1, facts["pcrs_sha256_zero_padded_sha1"]);
}

TEST_F(PublicArtefacts, BinaryImaListsReplayToTheirPublishedPcrs) {
  std::size_t compared =
      for_each("ima/", {".bin"}, [](const auto& path, const Json& facts, const Bytes& bytes) {
        if (path.find("bios_measurements") != path.npos) return;  // an event log beside a list
        auto list = parse_ima_list(bytes, Stray::report);
        ASSERT_EQ(bool(list), facts["verdict"] == "pass") << (list ? "parsed" : list.error().what);
        if (list) check_ima_list(facts, *list);
      });
  EXPECT_GE(compared, 9U);
}

void check_quote(const Json& facts, const Attest& a) {
  EXPECT_EQ(to_hex(a.extra_data), facts["nonce"]);
  EXPECT_EQ(to_hex(a.qualified_signer), facts["qualified_signer"]);
  EXPECT_EQ(a.clock.clock_ms, facts["clock"].get<std::uint64_t>());
  EXPECT_EQ(a.clock.reset_count, facts["reset_count"].get<std::uint32_t>());
  EXPECT_EQ(a.clock.restart_count, facts["restart_count"].get<std::uint32_t>());
  EXPECT_EQ(a.clock.safe, facts["safe"].get<int>() == 1);
  Writer firmware;
  firmware.u64be(a.firmware_version);
  EXPECT_EQ(to_hex(must(std::move(firmware).finish("firmware"))), facts["firmware_version"]);
  EXPECT_EQ(to_hex(a.quote()->pcr_digest), facts["pcr_digest"]);
  Json selection = Json::array();
  for (const PcrSelection& s : a.quote()->selections)
    selection.push_back({{"alg", hash_alg_name(s.bank)}, {"pcrs", s.pcrs}});
  EXPECT_EQ(selection, facts["pcr_selection"]);
}

TEST_F(PublicArtefacts, QuotesHoldTheirPublishedFacts) {
  std::size_t compared = 0;
  for_each("tpm-quote/", {".msg", "quote_sample.bin"},
           [&](const auto& path, const Json& facts, const Bytes& bytes) {
             auto parsed = parse_attest(bytes);
             bool malformed = path.find("bad-magic") != path.npos || path.find("bad-trunc") != path.npos;
             ASSERT_EQ(bool(parsed), !malformed);
             if (!parsed || !facts.contains("pcr_digest") || facts["verdict"] == "fail") return;
             check_quote(facts, *parsed);
             EXPECT_FALSE(parse_attest(trailed(bytes)));
             compared++;
           });
  EXPECT_GE(compared, 7U);
}

TEST_F(PublicArtefacts, AQuoteOfARealTpmVerifiesAndItsTwinsDoNot) {
  std::string folder = testdata("public/tpm-quote/keylime-quote/");
  PublicArea key = must(parse_tpm2b_public(must_read(folder + "ak.tpm2b_public")));
  EXPECT_EQ(key.name(), must_read(folder + "ak.name"));
  Bytes quote = must_read(folder + "quote.msg"), signature = must_read(folder + "quote.sig");
  auto verified = verify_attest(quote, signature, key);
  EXPECT_TRUE(verified) << verified.error().what;
  EXPECT_FALSE(verify_attest(quote, must_read(folder + "bad-flipped-quote.sig"), key));
  for (const char* bad : {"bad-magic-quote.msg", "bad-pcrdigest-quote.msg", "bad-trunc-quote.msg"})
    EXPECT_FALSE(verify_attest(must_read(folder + bad), signature, key)) << bad;
}

// Quotes of a client written by others: RSA-2048, RSA-3072, P-256 and P-384.
TEST(OtherClients, QuotesVerifyAndCoverTheirPcrs) {
  auto bytes = read_file(testdata("ibm-acs/vectors.json"));
  if (!bytes) GTEST_SKIP() << "recorded quotes are not here: " << testdata("ibm-acs/vectors.json");
  std::map<std::string, int> algorithms;
  for (const Json& v : Json::parse(bytes->begin(), bytes->end())) {
    SCOPED_TRACE(v["hostname"]);
    auto hex = [&](const char* name) { return must(from_hex(v[name].get<std::string>())); };
    PublicArea key = must(parse_public(hex("akpub")));
    auto quote = verify_attest(hex("quoted"), hex("signature"), key);
    ASSERT_TRUE(quote) << quote.error().what;
    algorithms[key.algorithm()]++;
    EXPECT_EQ((*quote)->extra_data, hex("nonce"));
    std::vector<Digest> values;
    for (const Json& value : v["pcr_sha256"])
      values.push_back(Digest::of(must(from_hex(value.get<std::string>()))));
    EXPECT_FALSE(verify_attest(flipped(hex("quoted"), 50), hex("signature"), key));
    const std::vector<PcrSelection>& selections = (*quote)->quote()->selections;
    ASSERT_FALSE(selections.empty());
    EXPECT_EQ(selections[0].pcrs.size(), values.size());
  }
  EXPECT_EQ(algorithms.size(), 4U);
}

}  // namespace
}  // namespace attest
