#include <gtest/gtest.h>

#include "evidence/core/hex.h"
#include "test/support/metadata_maker.h"
#include "verifier/checks.h"
#include "verifier/references/match.h"

namespace attest {
namespace {

Digest digest_of(std::string_view content) { return sha256(as_view(content)); }

ReferenceValue reference(std::uint32_t pcr, const std::string& name, bool optional = false) {
  return test::tpm_reference(pcr, name, optional);
}

Manifest manifest(std::vector<ReferenceValue> values, bool log_ordered = true) {
  Manifest m = test::make_manifest("os", {"os"}, std::move(values)).manifest;
  m.log_ordered = log_ordered;
  return m;
}

struct Measured {
  std::uint8_t pcr;
  std::string content;
  LogKind kind = LogKind::tcg;
};

EventSegment named(const Measured& m) {
  EventSegment e;
  e.pcr = m.pcr;
  e.type = 0x80000007;  // EV_EFI_ACTION: its data is its text
  e.data = to_bytes(as_view(m.content));
  return e;
}

LogFindings judge(std::vector<NamedManifest> manifests, const std::vector<Measured>& log,
               std::vector<std::uint8_t> quoted = {0, 4, 5, 7, 10}) {
  ReferenceIndex index(std::move(manifests), HashAlg::sha256);
  Matcher matcher(index);
  std::uint64_t position = 0;
  for (const Measured& m : log) {
    Digest digest = digest_of(m.content);
    EventSegment full = named(m);
    matcher.judge({position++, m.pcr, m.kind, &digest, &full});
  }
  return std::move(matcher).finish(quoted);
}

LogFindings judge(const Manifest& m, const std::vector<Measured>& log) { return judge({{"os", "v1", &m}}, log); }

std::uint64_t total(const LogFindings& f) { return f.unexpected.count + f.order.count + f.missing.count + f.ima.count; }

TEST(References, LogInOrderMatches) {
  Manifest m = manifest({reference(0, "fw"), reference(4, "shim"), reference(4, "grub")});
  LogFindings f = judge(m, {{0, "fw"}, {4, "shim"}, {4, "grub"}});
  EXPECT_EQ(total(f), 0U);
  EXPECT_EQ(f.boot_events, 3U);
}

TEST(References, OrderCountsWithinOnePcrAlone) {
  Manifest m = manifest({reference(4, "shim"), reference(0, "fw"), reference(4, "grub")});
  EXPECT_EQ(total(judge(m, {{0, "fw"}, {4, "shim"}, {4, "grub"}})), 0U);
}

TEST(References, ReplacedEventIsOneMismatchWithItsNeighbour) {
  Manifest m = manifest({reference(4, "shim"), reference(4, "grub-1"), reference(4, "kernel"), reference(4, "initrd")});
  LogFindings f = judge(m, {{4, "shim"}, {4, "grub-2"}, {4, "kernel"}, {4, "initrd"}});
  ASSERT_EQ(total(f), 1U);
  const Mismatch& x = f.mismatches.at(0);
  EXPECT_EQ(x.check, check::kPcrUnexpected);
  EXPECT_EQ(x.event, 1U);
  EXPECT_EQ(x.reg, 4U);
  EXPECT_EQ(x.measured_name, "grub-2");
  EXPECT_EQ(x.expected_name, "grub-1");
  EXPECT_EQ(x.expected_digest, to_hex(digest_of("grub-1").view()));
  EXPECT_EQ(x.manifest, "os");
  EXPECT_EQ(x.manifest_version, "v1");
  EXPECT_EQ(x.entry, 1U);
  EXPECT_NE(f.unexpected.first.find("boot event 1 in PCR 4 \"EFI boot loader\""), std::string::npos) << f.unexpected.first;
}

TEST(References, NeighbourBySameNameWinsOverPosition) {
  Manifest m = manifest({reference(4, "shim"), reference(4, "grub.efi"), reference(4, "kernel")});
  m.references[2].name = "vmlinuz";
  m.references[2].description = "kernel.efi";
  LogFindings f = judge(m, {{4, "shim"}, {4, "kernel.efi"}});
  ASSERT_EQ(f.unexpected.count, 1U);
  EXPECT_EQ(f.mismatches[0].expected_name, "kernel.efi");
  EXPECT_EQ(f.missing.count, 1U);  // grub.efi; the kernel stands beside what was measured
}

TEST(References, TwoReplacedEventsPairWithTwoReferences) {
  Manifest m = manifest({reference(4, "a"), reference(4, "b"), reference(4, "c")});
  LogFindings f = judge(m, {{4, "x"}, {4, "y"}, {4, "c"}});
  ASSERT_EQ(f.mismatches.size(), 2U);
  EXPECT_EQ(f.mismatches[0].expected_name, "a");
  EXPECT_EQ(f.mismatches[1].expected_name, "b");
}

TEST(References, InsertedEventIsOneMismatch) {
  Manifest m = manifest({reference(4, "a"), reference(4, "b")});
  LogFindings f = judge(m, {{4, "a"}, {4, "evil"}, {4, "b"}});
  EXPECT_EQ(total(f), 1U);
  EXPECT_EQ(f.unexpected.count, 1U);
}

TEST(References, SwappedEventsBreakTheOrder) {
  Manifest m = manifest({reference(4, "a"), reference(4, "b"), reference(4, "c")});
  LogFindings f = judge(m, {{4, "b"}, {4, "a"}, {4, "c"}});
  EXPECT_EQ(f.order.count, 1U);
  EXPECT_EQ(total(f), 1U);
  EXPECT_EQ(f.mismatches[0].check, check::kPcrOrder);
  EXPECT_NE(f.order.first.find("later than its place"), std::string::npos);
}

TEST(References, EventMeasuredTwiceIsTooOften) {
  Manifest m = manifest({reference(4, "a"), reference(4, "b")});
  LogFindings f = judge(m, {{4, "a"}, {4, "b"}, {4, "b"}});
  EXPECT_EQ(f.order.count, 1U);
  EXPECT_NE(f.order.first.find("more often"), std::string::npos);
}

TEST(References, SameDigestTwiceMayComeTwice) {
  Manifest m = manifest({reference(4, "a"), reference(4, "sep"), reference(4, "b"), reference(4, "sep")});
  EXPECT_EQ(total(judge(m, {{4, "a"}, {4, "sep"}, {4, "b"}, {4, "sep"}})), 0U);
  EXPECT_EQ(judge(m, {{4, "a"}, {4, "sep"}, {4, "b"}}).missing.count, 1U);
}

TEST(References, OptionalMayBeAbsentButNotOutOfPlace) {
  Manifest m = manifest({reference(4, "a"), reference(4, "o", true), reference(4, "b")});
  EXPECT_EQ(total(judge(m, {{4, "a"}, {4, "b"}})), 0U);
  EXPECT_EQ(total(judge(m, {{4, "a"}, {4, "o"}, {4, "b"}})), 0U);
  EXPECT_EQ(judge(m, {{4, "a"}, {4, "b"}, {4, "o"}}).order.count, 1U);
}

TEST(References, MandatoryAbsentIsMissing) {
  Manifest m = manifest({reference(4, "a"), reference(4, "b"), reference(4, "c")});
  for (const auto& log : std::vector<std::vector<Measured>>{{{4, "a"}, {4, "b"}}, {{4, "a"}, {4, "c"}}, {{4, "b"}, {4, "c"}}}) {
    LogFindings f = judge(m, log);
    EXPECT_EQ(f.missing.count, 1U);
    EXPECT_EQ(total(f), 1U);
    EXPECT_EQ(f.mismatches[0].measured_digest, "");
  }
  EXPECT_EQ(judge(m, {}).missing.count, 3U);
}

TEST(References, KnownDigestInAnotherPcrIsUnexpected) {
  Manifest m = manifest({reference(4, "a")});
  LogFindings f = judge(m, {{5, "a"}});
  EXPECT_EQ(f.unexpected.count, 1U);
  EXPECT_EQ(f.missing.count, 1U);
}

TEST(References, OtherManifestsCountWithoutOrder) {
  Manifest m = manifest({reference(4, "a"), reference(4, "b"), reference(4, "b")}, false);
  EXPECT_EQ(total(judge(m, {{4, "b"}, {4, "a"}, {4, "b"}})), 0U);
  EXPECT_EQ(judge(m, {{4, "b"}, {4, "a"}, {4, "b"}, {4, "b"}}).order.count, 1U);
  EXPECT_EQ(judge(m, {{4, "b"}, {4, "a"}}).missing.count, 1U);
}

TEST(References, SeveralManifestsShareAPcr) {
  Manifest firmware = manifest({reference(4, "efi"), reference(4, "sep")});
  Manifest os = manifest({reference(4, "shim"), reference(4, "grub")});
  std::vector<NamedManifest> both = {{"fw", "1", &firmware}, {"os", "2", &os}};
  EXPECT_EQ(total(judge(both, {{4, "efi"}, {4, "shim"}, {4, "sep"}, {4, "grub"}})), 0U);
  LogFindings f = judge(both, {{4, "efi"}, {4, "sep"}, {4, "grub"}, {4, "shim"}});
  EXPECT_EQ(f.order.count, 1U);
  // a digest of both goes to the one that can take it now
  Manifest later = manifest({reference(4, "first"), reference(4, "sep")});
  Manifest now = manifest({reference(4, "sep")});
  std::vector<NamedManifest> ambiguous = {{"later", "1", &later}, {"now", "2", &now}};
  EXPECT_EQ(total(judge(ambiguous, {{4, "sep"}, {4, "first"}, {4, "sep"}})), 0U);
  // the same digest in both: each may be used once
  Manifest other = manifest({reference(4, "sep")});
  std::vector<NamedManifest> twice = {{"fw", "1", &firmware}, {"x", "2", &other}};
  EXPECT_EQ(total(judge(twice, {{4, "efi"}, {4, "sep"}, {4, "sep"}})), 0U);
  EXPECT_EQ(judge(twice, {{4, "efi"}, {4, "sep"}, {4, "sep"}, {4, "sep"}}).order.count, 1U);
}

TEST(References, ImaIsASet) {
  Manifest m = manifest({reference(10, "boot_aggregate"), reference(10, "/bin/sh", true), reference(10, "/bin/ls", true)});
  auto ima = LogKind::ima;
  EXPECT_EQ(total(judge(m, {{10, "/bin/ls", ima}, {10, "boot_aggregate", ima}, {10, "/bin/ls", ima}})), 0U);
  LogFindings f = judge(m, {{10, "/bin/ls", ima}, {10, "/bin/evil", ima}});
  EXPECT_EQ(f.ima.count, 1U);
  EXPECT_EQ(f.missing.count, 1U);  // boot_aggregate is mandatory
  EXPECT_EQ(f.ima_events, 2U);
}

TEST(References, ImaEntryOfAnotherPcrIsUnexpected) {
  Manifest m = manifest({reference(10, "/bin/sh", true)});
  EXPECT_EQ(judge(m, {{11, "/bin/sh", LogKind::ima}}).ima.count, 1U);
}

TEST(References, MandatoryReferenceOfAnUnquotedPcrIsMissing) {
  Manifest m = manifest({reference(14, "mok")});
  LogFindings f = judge(m, {});
  EXPECT_EQ(f.missing.count, 1U);
  EXPECT_NE(f.missing.first.find("does not cover"), std::string::npos);
  Manifest optional = manifest({reference(14, "mok", true)});
  EXPECT_EQ(total(judge(optional, {})), 0U);
}

TEST(References, MandatoryReferenceWithoutDigestOfTheBankIsMissing) {
  ReferenceValue other_bank = reference(4, "a");
  std::erase_if(other_bank.hashes, [](const auto& hash) { return hash.first == HashAlg::sha256; });
  Manifest m = manifest({other_bank});
  LogFindings f = judge(m, {});
  EXPECT_EQ(f.missing.count, 1U);
  EXPECT_NE(f.missing.first.find("sha256"), std::string::npos);
}

TEST(References, FloodOfUnknownEventsIsCountedNotTold) {
  Manifest m = manifest({reference(4, "a")});
  std::vector<Measured> log;
  for (int i = 0; i < 5000; i++) log.push_back({4, "x" + std::to_string(i)});
  LogFindings f = judge(m, log);
  EXPECT_EQ(f.unexpected.count, 5000U);
  EXPECT_EQ(f.mismatches.size() + f.omitted, 5000U);
  EXPECT_LE(f.mismatches.size(), LogFindings::kMaxMismatches);
}

// Alternating known and unknown events over a manifest of optional twins: the worst a hostile log can ask for. Quadratic
// work over these 200,000 places would run into the test's time limit.
TEST(References, HostileLogStaysLinear) {
  std::vector<ReferenceValue> values;
  for (int i = 0; i < 200000; i++) values.push_back(reference(4, i % 2 == 0 ? "twin" : "other", i % 3 != 0));
  Manifest m = manifest(std::move(values));
  std::vector<NamedManifest> manifests = {{"os", "1", &m}};
  ReferenceIndex index(manifests, HashAlg::sha256);
  Matcher matcher(index);
  Digest digests[] = {digest_of("twin"), digest_of("unknown"), digest_of("other"), digest_of("twin")};
  for (std::uint64_t i = 0; i < 200000; i++) matcher.judge({i, 4, LogKind::tcg, &digests[i % 4], nullptr});
  LogFindings f = std::move(matcher).finish({4});
  EXPECT_EQ(f.unexpected.count, 50000U);
}

}  // namespace
}  // namespace attest
