#include <gtest/gtest.h>

#include "evidence/core/hex.h"
#include "evidence/native/message.h"
#include "evidence/native/request.h"

namespace attest {
namespace {

Digest digest(std::uint8_t fill) { return Digest::filled(HashAlg::sha256, fill); }

ReportContext context() {
  ReportContext c;
  c.role = Role::client;
  c.service = "nginx";
  c.anchors = {{AnchorKind::tpm, Bytes(34, 1)}};
  c.pcrs = PcrSelection{HashAlg::sha256, {0, 1, 10}};
  c.metadata = {digest(2), digest(3)};
  return c;
}

Evidence evidence() {
  Evidence e;
  e.context = *encode_context(context());
  e.path = {1, 3, {digest(4), digest(5)}};
  TpmAnchor tpm;
  tpm.attest = Bytes(150, 1);
  tpm.signature = Bytes(70, 2);
  tpm.ak_public = Bytes(88, 3);
  tpm.ak_chain = {Bytes(500, 4)};
  tpm.pcr_values = {digest(1), digest(2), digest(3)};
  tpm.startup_locality = 3;
  tpm.logs = {{LogKind::tcg, 5, {RunSegment{0, 0, 4}, EventSegment{7, 8, "", Bytes(32, 1), Bytes(9, 1)}}},
              {LogKind::ima, 2, {EventSegment{10, 0, "ima-ng", Bytes(20, 1), Bytes(80, 1)}, DigestSegment{10, Bytes(32, 6)}}}};
  e.anchors = {tpm, SwAnchor{Bytes(10, 1), Bytes(11, 2), Bytes(12, 3)}};
  e.metadata = {Bytes(700, 9)};
  e.tls_key = {Bytes(90, 5), Bytes(130, 6), Bytes(72, 7)};
  return e;
}

TEST(Request, RoundTripAndTwins) {
  Request request;
  request.header.flags = RequestHeader::kRequires;
  request.header.nonce.fill(7);
  request.max_age_s = 30;
  request.known_digests = {Bytes(8, 1), Bytes(32, 2)};
  request.cursor = Bytes(8, 3);
  Bytes bytes = *encode_request(request);
  auto back = decode_request(bytes);
  ASSERT_TRUE(back) << back.error().what;
  EXPECT_EQ(back->known_digests, request.known_digests);
  EXPECT_EQ(back->cursor, request.cursor);
  EXPECT_EQ(back->max_age_s, 30U);
  EXPECT_EQ(*encode_request(*back), bytes);
  for (std::size_t n = 0; n < bytes.size(); n++) EXPECT_FALSE(decode_request(View(bytes).first(n))) << n;
  bytes.push_back(0);
  EXPECT_FALSE(decode_request(bytes));
  bytes.pop_back();
  bytes[0] = 2;
  EXPECT_EQ(decode_request(bytes).error().code, Errc::unsupported);
  bytes[0] = 1, bytes[1] = 0x80;
  EXPECT_FALSE(decode_request(bytes));
}

TEST(Context, RoundTripAndTwins) {
  Bytes bytes = *encode_context(context());
  auto back = decode_context(bytes);
  ASSERT_TRUE(back) << back.error().what;
  EXPECT_EQ(*encode_context(*back), bytes);
  EXPECT_EQ(back->service, "nginx");
  EXPECT_EQ(back->pcrs, context().pcrs);
  for (std::size_t n = 0; n < bytes.size(); n++) EXPECT_FALSE(decode_context(View(bytes).first(n))) << n;
  bytes.push_back(0xf6);
  EXPECT_FALSE(decode_context(bytes));
}

TEST(Context, RefusesContradictions) {
  ReportContext c = context();
  c.pcrs.reset();
  EXPECT_FALSE(decode_context(*encode_context(c)));
  c = context();
  c.anchors.push_back({AnchorKind::tpm, Bytes(34, 2)});
  EXPECT_FALSE(decode_context(*encode_context(c)));
  c = context();
  c.freshness = FreshnessMode::known_key;
  EXPECT_FALSE(decode_context(*encode_context(c))) << "without a key";
  c = context();
  c.epoch_id = digest(1);
  EXPECT_FALSE(decode_context(*encode_context(c))) << "without the mode";
  c = context();
  c.pcrs->pcrs = {1, 1};
  EXPECT_FALSE(decode_context(*encode_context(c)));
  c = context();
  c.anchors.clear();
  EXPECT_FALSE(decode_context(*encode_context(c)));
}

TEST(EvidenceMessage, RoundTripAndTwins) {
  Bytes bytes = *encode_evidence(evidence());
  auto back = decode_evidence(bytes);
  ASSERT_TRUE(back) << back.error().what;
  EXPECT_EQ(*encode_evidence(*back), bytes);
  for (std::size_t n = 0; n < bytes.size(); n++) EXPECT_FALSE(decode_evidence(View(bytes).first(n))) << n;
  bytes.push_back(0);
  EXPECT_FALSE(decode_evidence(bytes));
}

TEST(EvidenceMessage, EachOptionalPartMayBeAbsent) {
  for (bool metadata : {false, true})
    for (bool tls_key : {false, true}) {
      Evidence e = evidence();
      if (!metadata) e.metadata.clear();
      if (!tls_key) e.tls_key.reset();
      auto back = decode_evidence(*encode_evidence(e));
      ASSERT_TRUE(back) << back.error().what;
      EXPECT_EQ(back->metadata.size(), metadata ? 1U : 0U);
      EXPECT_EQ(back->tls_key.has_value(), tls_key);
    }
}

TEST(EvidenceMessage, OnlyAnImaEntryCanBeADigestAlone) {
  Evidence e = evidence();
  auto& logs = std::get<TpmAnchor>(e.anchors[0]).logs;
  logs[0].segments[1] = DigestSegment{7, Bytes(32, 6)};
  EXPECT_EQ(decode_evidence(*encode_evidence(e)).error().code, Errc::malformed);
  for (std::size_t size : {0U, 19U, 65U}) {
    e = evidence();
    std::get<TpmAnchor>(e.anchors[0]).logs[1].segments[1] = DigestSegment{10, Bytes(size, 6)};
    EXPECT_EQ(decode_evidence(*encode_evidence(e)).error().code, Errc::malformed) << size;
  }
  e = evidence();
  std::get<TpmAnchor>(e.anchors[0]).logs[1].segments[1] = DigestSegment{24, Bytes(32, 6)};
  EXPECT_EQ(decode_evidence(*encode_evidence(e)).error().code, Errc::malformed);
}

// with_log is evidence whose firmware log is this one.
Bytes with_log(EvidenceLog log) {
  Evidence e = evidence();
  std::get<TpmAnchor>(e.anchors[0]).logs[0] = std::move(log);
  return *encode_evidence(e);
}

TEST(EvidenceMessage, PackedIndicesAndTails) {
  Bytes bytes = with_log({LogKind::tcg, 9, {PackedSegment{1, 9, {511, 0, 256}}, RunSegment{1, 4, 2}}, 4});
  auto back = decode_evidence(bytes);
  ASSERT_TRUE(back) << back.error().what;
  EXPECT_EQ(*encode_evidence(*back), bytes);
  const EvidenceLog& log = std::get<TpmAnchor>(back->anchors[0]).logs[0];
  EXPECT_EQ(std::get<PackedSegment>(log.segments[0]).entries, (std::vector<std::uint32_t>{511, 0, 256}));
  EXPECT_EQ(log.skipped, 4U);
  for (std::size_t n = 0; n < bytes.size(); n++) EXPECT_FALSE(decode_evidence(View(bytes).first(n))) << n;
}

TEST(EvidenceMessage, PackedIndicesAreBoundedByTheEventsOfTheirLog) {
  auto packed = [](std::size_t n) { return PackedSegment{0, 1, std::vector<std::uint32_t>(n, 1)}; };
  EXPECT_TRUE(decode_evidence(with_log({LogKind::tcg, 100, {packed(60), packed(40)}})));
  EXPECT_FALSE(decode_evidence(with_log({LogKind::tcg, 100, {packed(60), packed(41)}})));
  EXPECT_FALSE(decode_evidence(with_log({LogKind::tcg, 100, {packed(0)}})));
  EXPECT_TRUE(decode_evidence(with_log({LogKind::tcg, kMaxLogEvents, {packed(kMaxLogEvents)}})));
  EXPECT_FALSE(decode_evidence(with_log({LogKind::tcg, kMaxLogEvents + 1, {packed(kMaxLogEvents + 1)}})));
  EXPECT_FALSE(decode_evidence(with_log({LogKind::tcg, 5, {}, 6}))) << "leaves out more than there is";
}

TEST(EvidenceMessage, ReadyLogsGiveTheSameBytes) {
  Evidence e = evidence();
  Bytes whole = *encode_evidence(e);
  auto& tpm = std::get<TpmAnchor>(e.anchors[0]);
  std::vector<Bytes> logs;
  for (const EvidenceLog& log : tpm.logs) logs.push_back(*encode_log(log));
  tpm.logs.clear();
  EXPECT_EQ(*encode_evidence_with(e, {logs.begin(), logs.end()}), whole);
}

TEST(Merkle, EveryLeafOfEverySizeReachesTheRoot) {
  for (std::uint32_t count = 1; count <= 33; count++) {
    std::vector<Digest> leaves;
    for (std::uint32_t i = 0; i < count; i++) leaves.push_back(digest(static_cast<std::uint8_t>(i)));
    auto tree = MerkleTree::make(leaves);
    ASSERT_TRUE(tree);
    for (std::uint32_t i = 0; i < count; i++) {
      MerklePath path = tree->path(i);
      EXPECT_EQ(*merkle_root(leaves[i], path), tree->root());
      EXPECT_FALSE(merkle_root(digest(200), path) && *merkle_root(digest(200), path) == tree->root());
      path.siblings.push_back(digest(1));
      EXPECT_FALSE(merkle_root(leaves[i], path));  // too long
    }
  }
}

TEST(Merkle, LeafAndNodeAreSeparated) {
  auto pair = *MerkleTree::make({digest(1), digest(2)});
  // The inner node's two halves presented as one leaf must not give the same root.
  EXPECT_FALSE(*merkle_root(pair.root(), MerklePath{}) == pair.root());
  EXPECT_FALSE(MerkleTree::make({}));
  EXPECT_FALSE(MerkleTree::make({Digest::of(Bytes(20))}));
  EXPECT_FALSE(merkle_root(digest(1), MerklePath{3, 3, {}}));
}

}  // namespace
}  // namespace attest
