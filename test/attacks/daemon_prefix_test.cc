// Prefix cursors: a verifier that accepted a machine's logs gets only what came after, and what an attacker may try with that.
#include <gtest/gtest.h>

#include <random>

#include "cmcd-lite/server/devices/log_cache.h"
#include "cmcd-lite/server/freshness/known_keys.h"
#include "evidence/logs/prefix.h"
#include "evidence/native/request.h"
#include "test/support/measured_boot.h"
#include "test/support/tpm_machine.h"

namespace attest {
namespace {

using namespace attest::test;
using Bend = std::function<void(Evidence&)>;

constexpr std::size_t kFiles = 40;  // of the recorded ones, measured so far

std::vector<EvidenceLog>& logs_of(Evidence& evidence) { return std::get<TpmAnchor>(evidence.anchors[0]).logs; }

// A has measured some files of a boot, B holds references for all of them.
class Prefix : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(start_both(a_, b_));
    TpmMachine further(authority_, "tis");  // the same boot, later
    ASSERT_TRUE(further.good());
    ASSERT_TRUE(further.daemon.start());
    ASSERT_TRUE(further.daemon.ready());
    further.describe(authority_, "server");
    items_ = further.items;
    a_.hold(items_, "server");
    b_.put_items("of-a", items_);
    aks_ = "\"" + a_.ak_name() + "\"";
    put_policy("a.example", "");
  }
  void put_policy(const std::string& rule, const std::string& more, const std::string& image = "image-of-server",
                  const std::string& name = "default") {
    b_.put_policy(name, "{" + more + R"("peers": [{"name": ")" + rule + R"(", "ak_names": [)" + aks_ +
                                 R"(], "image_descriptions": [")" + image + R"("]}]})");
    ASSERT_TRUE(b_.control(R"({"op":"reload"})").starts_with("{\"ok\"")) << b_.log();
  }
  struct Met {
    std::string name;    // of the refusal; "" where it was accepted
    bool asked = false;  // with a cursor
    bool by_key = false;  // no quote came
    std::uint32_t skipped = 0;
    std::size_t size = 0;  // of the evidence
  };
  // meet is one handshake of B with a machine; bend changes the evidence on its way.
  Met meet(TpmMachine& machine, const Bend& bend = {}, const std::string& policy = "") {
    Met met;
    Connection judge = b_.connect();
    Connection prover = machine.daemon.connect();
    auto begun = judge.begin({Role::client, Mode::require, policy, "a.example", true});
    if (!begun) return {begun.error().what};
    met.asked = !must_decode(begun->request).cursor.empty();
    BinderInputs inputs = shake(Role::server, begun->request, web_.der());
    auto attested = prover.attest({inputs, 65000});
    if (!attested) return {attested.error().what};
    met.size = attested->evidence.size();
    Evidence evidence = *decode_evidence(attested->evidence);
    met.by_key = evidence.anchors.empty();
    if (!met.by_key)
      for (const EvidenceLog& log : logs_of(evidence)) met.skipped += log.skipped;
    if (bend) bend(evidence);
    auto judged = judge.judge({begun->handle, inputs, *encode_evidence(evidence), "a.example", true});
    met.name = judged ? judged->name : judged.error().what;
    return met;
  }
  Met meet(const Bend& bend = {}) { return meet(a_, bend); }
  static Request must_decode(View request) { return *decode_request(request); }
  void know() {
    ASSERT_EQ(meet().name, "");
    ASSERT_EQ(meet().name, "");
  }
  // leave_out cuts off what B knows of A's logs after know(), whatever the machine sent.
  static Bend leave_out(std::uint32_t files) {
    return [files](Evidence& e) {
      for (EvidenceLog& log : logs_of(e))
        if (log.skipped == 0) log = *tail_of(log, log.kind == LogKind::tcg ? log.events : files);
    };
  }
  Authority authority_;
  TpmMachine a_{authority_, "tis", kFiles};
  MachineDaemon b_{authority_};
  std::vector<std::string> items_;
  std::string aks_;
  TestCert web_ = leaf("a.example");
};

TEST_F(Prefix, OnlyWhatCameAfterTravels) {
  Met first = meet();
  EXPECT_EQ(first.name, "");
  EXPECT_FALSE(first.asked);
  EXPECT_EQ(first.skipped, 0U);
  for (int i = 0; i < 4; i++) {
    Met next = meet();
    EXPECT_EQ(next.name, "");
    EXPECT_TRUE(next.asked);
    EXPECT_GT(next.skipped, kFiles) << "the firmware's events and the files known before";
    ASSERT_TRUE(a_.measured->grow(3));
  }
  EXPECT_EQ(meet().name, "");
}

TEST_F(Prefix, ARefusedHandshakeIsNeverKept) {
  know();
  ASSERT_TRUE(a_.measured->measure_file("/usr/bin/unknown"));
  EXPECT_EQ(meet().name, "ima.unexpected-file");
  for (int i = 0; i < 2; i++) {
    Met met = meet();
    EXPECT_EQ(met.name, "ima.unexpected-file") << "it is judged each time";
    EXPECT_FALSE(met.asked) << "and after a refusal all of the log is asked for";
    EXPECT_EQ(met.skipped, 0U);
  }
}

TEST_F(Prefix, WhatIsKnownIsJudgedAgainUnderThePolicyOfNow) {
  know();
  put_policy("a.example", R"("denied_aks": [)" + aks_ + "],");
  EXPECT_EQ(meet().name, "ak.denied");
  put_policy("a.example", "", "another-image");
  EXPECT_EQ(meet().name, "peer.image-not-allowed");
  put_policy("a.example", "");
  know();
  put_policy("a.example", R"("max_events": 50,)");
  EXPECT_EQ(meet().name, "log.too-long") << "of all events, not of those that came";
}

// Two programs of one machine ask by policies of their own: what one accepted is a fact for the other, and no verdict.
TEST_F(Prefix, WhatALaxPolicyAcceptedIsJudgedByTheStrictOne) {
  put_policy("a.example", R"("max_age": 60,)");
  put_policy("a.example", R"("max_age": 60,)", "another-image", "strict");
  put_policy("a.example", "", "another-image", "stricter");
  know();
  Met strict = meet(a_, {}, "strict");
  for (int i = 0; i < 200 && !strict.by_key; i++) {
    EXPECT_EQ(strict.name, "peer.image-not-allowed");
    EXPECT_EQ(meet().name, "");
    strict = meet(a_, {}, "strict");
  }
  EXPECT_TRUE(strict.by_key) << "it names the key that the other learnt";
  EXPECT_EQ(strict.name, "peer.image-not-allowed");
  EXPECT_EQ(meet().name, "");
  Met stricter = meet(a_, {}, "stricter");
  EXPECT_FALSE(stricter.by_key);
  EXPECT_EQ(stricter.name, "peer.image-not-allowed");
  EXPECT_EQ(meet().name, "");
}

TEST_F(Prefix, StrangersAreNotToldWhatIsKnown) {
  put_policy("*", "");
  EXPECT_EQ(meet().name, "");
  Met again = meet();
  EXPECT_EQ(again.name, "");
  EXPECT_FALSE(again.asked);
  EXPECT_EQ(again.skipped, 0U);
}

TEST_F(Prefix, AnotherBootComesWholeOrIsRefused) {
  know();
  a_.daemon.stop();
  a_.tpm->stop();
  ASSERT_TRUE(a_.tpm->run());
  ASSERT_TRUE(a_.measured->play_again());
  ASSERT_TRUE(a_.measured->measure_file("/usr/bin/implant"));
  ASSERT_TRUE(a_.daemon.start());
  ASSERT_TRUE(a_.daemon.ready()) << a_.daemon.log();
  Met hidden = meet([](Evidence& e) {  // "nothing happened since you saw me last"
    logs_of(e)[1].events = kFiles;
    logs_of(e)[1].segments.pop_back();
    leave_out(kFiles)(e);
  });
  EXPECT_TRUE(hidden.asked);
  EXPECT_EQ(hidden.skipped, 0U) << "no quote of this boot covered what B knows";
  EXPECT_EQ(hidden.name, "pcr.replay-mismatch");
  EXPECT_EQ(meet().name, "ima.unexpected-file");
}

TEST_F(Prefix, LeavingOutWhatWasNotNamedIsRefused) {
  Met first = meet(leave_out(kFiles));
  EXPECT_FALSE(first.asked);
  EXPECT_EQ(first.name, "log.malformed");
  auto files = [](Evidence& e) -> EvidenceLog& { return logs_of(e)[1]; };
  const std::vector<Bend> lies = {
      [&](Evidence& e) { files(e).skipped += 1; },  // more than B knows, and than the log has
      [&](Evidence& e) { files(e).skipped -= 1; },
      [&](Evidence& e) { files(e).segments.clear(); },
      [&](Evidence& e) { files(e).events += 1; },
      [&](Evidence& e) { files(e).segments.push_back(RunSegment{1, 0, 1}); },
  };
  for (const Bend& lie : lies) {
    EXPECT_EQ(meet().name, "");
    ASSERT_TRUE(a_.measured->grow(3));
    Met met = meet(lie);
    EXPECT_GT(met.skipped, 0U);
    EXPECT_EQ(met.name, "log.malformed");
  }
}

TEST_F(Prefix, EventsThatDoNotContinueTheLogAreRefused) {
  know();
  ASSERT_TRUE(a_.measured->grow(3));
  Met met = meet([](Evidence& e) {
    auto& segments = logs_of(e)[1].segments;
    auto& run = std::get<RunSegment>(segments.front());
    run.first -= run.count;
  });
  EXPECT_EQ(met.name, "pcr.replay-mismatch");
  EXPECT_EQ(meet().name, "") << "which spoils nothing for the honest";
}

TEST_F(Prefix, TheLogOfAnotherMachineIsNotContinued) {
  TpmMachine twin(authority_, "tis", kFiles);  // measured the same, with another TPM
  ASSERT_TRUE(twin.good());
  ASSERT_TRUE(twin.daemon.start());
  ASSERT_TRUE(twin.daemon.ready()) << twin.daemon.log();
  twin.hold(items_, "server");
  aks_ += ", \"" + twin.ak_name() + "\"";
  put_policy("a.example", "");
  know();
  Met met = meet(twin);
  EXPECT_EQ(met.name, "");
  EXPECT_TRUE(met.asked);
  EXPECT_EQ(met.skipped, 0U) << "the name of a log holds the machine's";
  know();
  EXPECT_EQ(meet(twin, leave_out(kFiles)).name, "log.malformed");
}

// LongList is a list of 10,000 files in another order than their manifest, of which quotes cover more and more.
struct LongList {
  LongList() {
    std::vector<std::pair<std::uint32_t, Digest>> values;
    for (std::uint32_t i = 0; i < kEntries; i++) values.emplace_back(10, sha256(as_view(std::to_string(i))));
    Metadata metadata;
    metadata.type = MetadataType::manifest;
    metadata.manifest = manifest_with(values);
    Digest name = values[0].second;
    own.items = {std::make_shared<MetadataItem>(MetadataItem{name, {}, SignatureCheck::mint(std::move(metadata))})};
    std::shuffle(values.begin(), values.end(), std::mt19937(1));
    for (const auto& [pcr, digest] : values) log.events.push_back({10, digest, LogKind::ima, {}});
    context.anchors = {{AnchorKind::tpm, Bytes(34, 1)}};
    context.pcrs = PcrSelection{HashAlg::sha256, {10}};
    context.metadata = {name};
  }
  // quoted gives the bytes of the logs in a quote that covers so many entries, for a verifier that holds `cursor`.
  std::size_t quoted(std::size_t entries, std::uint8_t pcr, const Bytes& cursor = {}) {
    log.ima_covered = entries;
    log.pcr_values = {Digest::filled(HashAlg::sha256, pcr)};
    auto whole = cache.encoded(log, own, context);
    EXPECT_TRUE(whole) << whole.error().what;
    auto tail = cache.after(cursor, nonce, true);
    std::size_t bytes = 0;
    for (View part : tail ? *tail : whole->told) bytes += part.size();
    return bytes;
  }
  Bytes cursor(std::size_t entries, std::uint8_t pcr) const {
    return key_hint(nonce, log_prefix(context, 0, 0, entries, {Digest::filled(HashAlg::sha256, pcr)}));
  }
  static constexpr std::uint32_t kEntries = 10000;
  LogCache cache;
  OwnMetadata own;
  MeasuredLog log;
  ReportContext context;
  Nonce nonce{};
};

TEST(KnownLogs, TenThousandEntriesInAnotherOrderPassOnce) {
  LongList list;
  std::size_t first = list.quoted(9000, 1);
  EXPECT_GT(first, 15000U);
  EXPECT_LE(first, 18000U);
  EXPECT_LE(list.quoted(9000, 1, list.cursor(9000, 1)), 32U);
  EXPECT_LE(list.quoted(10000, 2, list.cursor(9000, 1)), 2048U) << "the thousand that came since";
  EXPECT_LE(list.quoted(10000, 2, list.cursor(10000, 2)), 32U);
}

TEST(KnownLogs, ACursorThatFitsNothingGetsEverything) {
  LongList list;
  std::size_t first = list.quoted(100, 1);
  std::size_t all = list.quoted(9000, 2);
  for (const Bytes& cursor : {list.cursor(10000, 2), list.cursor(9000, 1), list.cursor(9001, 2), Bytes(8, 0), Bytes{}})
    EXPECT_EQ(list.quoted(9000, 2, cursor), all) << "more than there is, other PCRs, nonsense";
  EXPECT_LT(list.quoted(9000, 2, list.cursor(100, 1)), all);
  list.log.generation++;
  EXPECT_EQ(list.quoted(100, 1, list.cursor(9000, 2)), first) << "of another boot";
  EXPECT_LT(list.quoted(100, 1, list.cursor(100, 1)), first);
}

// fact is evidence with a log of so many segments.
std::shared_ptr<const QuotedKey> fact(std::uint8_t machine, std::size_t segments = 1) {
  auto out = std::make_shared<QuotedKey>();
  out->context.anchors = {{AnchorKind::tpm, Bytes(34, machine)}};
  TpmAnchor tpm;
  tpm.logs = {{LogKind::tcg, 1, std::vector<Segment>(segments, RunSegment{0, 0, 1})}};
  out->evidence.anchors = {tpm};
  out->facts.log = CleanLog{};
  out->facts.log->prefix = Digest::filled(HashAlg::sha256, machine);
  return out;
}

TEST(KnownLogs, AreBoundedInNumberAndBytes) {
  KnownKeys known;
  auto one = fact(1);
  known.add("first", Role::server, one, {}, 100);
  EXPECT_EQ(known.newest_log("first", Role::server), one);
  EXPECT_EQ(known.newest_log("first", Role::client), nullptr);
  for (std::size_t i = 0; i < KnownKeys::kMaxPeers; i++) known.add(std::to_string(i), Role::server, one, {}, 100);
  EXPECT_EQ(known.size(), KnownKeys::kMaxPeers);
  EXPECT_EQ(known.newest_log("first", Role::server), nullptr) << "the one used longest ago goes";
  EXPECT_EQ(known.newest_log("0", Role::server), one);  // now it is used last
  for (int i = 0; i < 3; i++) known.add("large" + std::to_string(i), Role::server, one, {}, KnownKeys::kMaxBytes / 4);
  EXPECT_NE(known.newest_log("0", Role::server), nullptr);
  known.add("0", Role::server, one, {}, KnownKeys::kMaxBytes / 2 + 1);
  EXPECT_EQ(known.newest_log("large2", Role::server), one) << "nobody fills the memory alone";
  for (int i = 0; i < 3; i++) known.add("more" + std::to_string(i), Role::server, one, {}, KnownKeys::kMaxBytes / 2);
  EXPECT_EQ(known.size(), 2U);
}

TEST(KnownLogs, InDoubtOrInTooManyPiecesAreNotNamed) {
  KnownKeys known;
  auto first = fact(1), second = fact(1);
  known.add("a", Role::server, first, {}, 1);
  known.doubt("a", Role::server, second);
  EXPECT_EQ(known.newest_log("a", Role::server), first) << "the refused handshake named another";
  known.doubt("a", Role::server, first);
  EXPECT_EQ(known.newest_log("a", Role::server), nullptr);
  known.add("a", Role::server, second, {}, 1);
  EXPECT_EQ(known.newest_log("a", Role::server), second) << "accepted since";
  known.add("a", Role::server, fact(1, kMaxKnownSegments + 1), {}, 1);
  EXPECT_EQ(known.newest_log("a", Role::server), nullptr);
  auto without = std::make_shared<QuotedKey>();
  known.add("b", Role::server, without, {}, 1);
  EXPECT_EQ(known.newest_log("b", Role::server), nullptr);
}

}  // namespace
}  // namespace attest
