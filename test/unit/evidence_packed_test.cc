// Logs in another order than the manifest's, and logs whose beginning is known: what compaction sends and what comes of it.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <random>

#include "evidence/core/hex.h"
#include "evidence/logs/compact.h"
#include "evidence/logs/expand.h"
#include "evidence/logs/prefix.h"
#include "evidence/native/packed.h"
#include "evidence/native/request.h"
#include "test/support/measured_boot.h"
#include "test/support/testdata.h"

namespace attest {
namespace {
using namespace attest::test;

Digest digest_of(std::uint32_t number) {
  Writer out;
  out.u32be(number);
  return sha256(must(std::move(out).finish("number")));
}

MeasuredEvent file(std::uint32_t number) {
  MeasuredEvent event;
  event.pcr = 10;
  event.kind = LogKind::ima;
  event.digest = digest_of(number);
  event.full = {10, 0, "ima-ng", Bytes(20, 1), Bytes(40, 2)};
  return event;
}

Manifest manifest_of_files(std::uint32_t count) {
  std::vector<std::pair<std::uint32_t, Digest>> values;
  for (std::uint32_t i = 0; i < count; i++) values.emplace_back(10, digest_of(i));
  return manifest_with(values);
}

MeasuredLog log_of(const std::vector<std::uint32_t>& order) {
  MeasuredLog log;
  for (std::uint32_t number : order) log.events.push_back(file(number));
  log.ima_covered = order.size();
  return log;
}

std::vector<std::uint32_t> shuffled(std::uint32_t count) {
  std::vector<std::uint32_t> order(count);
  for (std::uint32_t i = 0; i < count; i++) order[i] = i;
  std::shuffle(order.begin(), order.end(), std::mt19937(1));
  return order;
}

std::vector<EvidenceLog> compacted(const MeasuredLog& log, const Manifest& manifest) {
  LogCompactor compactor(std::make_shared<RunIndex>(ContextManifests{&manifest}, log.bank));
  return *must(compactor.compact(log));
}

void expect_same(const std::vector<EvidenceLog>& logs, const MeasuredLog& log, const Manifest& manifest) {
  auto events = must(expand_logs(logs, {&manifest}, log.bank));
  ASSERT_EQ(events.size(), log.ima_covered);
  for (std::size_t i = 0; i < events.size(); i++) ASSERT_EQ(events[i].digest, log.events[i].digest) << i;
}

// through sends a log over the wire.
EvidenceLog through(const EvidenceLog& log) {
  TpmAnchor tpm;
  tpm.attest = tpm.signature = tpm.ak_public = Bytes(1, 1);
  tpm.logs = {log};
  Evidence e;
  e.context = Bytes(1, 1);
  e.anchors = {tpm};
  Bytes bytes = must(encode_evidence(e));
  Evidence back = must(decode_evidence(bytes));
  EXPECT_EQ(must(encode_evidence(back)), bytes);
  return std::get<TpmAnchor>(back.anchors[0]).logs[0];
}

TEST(Packed, TwoBytesAnEntryAreEnoughForTenThousandInAnotherOrder) {
  Manifest manifest = manifest_of_files(10000);
  MeasuredLog log = log_of(shuffled(10000));
  std::vector<EvidenceLog> logs = compacted(log, manifest);
  EXPECT_LE(must(encode_log(logs[1])).size(), 18000U) << "fourteen bits an entry";
  EXPECT_LE(logs[1].segments.size(), 10U);
  expect_same({logs[0], through(logs[1])}, log, manifest);
}

TEST(Packed, WhatIsInOrderStaysARun) {
  Manifest manifest = manifest_of_files(3000);
  std::vector<std::uint32_t> order = shuffled(500);
  for (std::uint32_t i = 500; i < 2500; i++) order.push_back(i);
  for (std::uint32_t i = 2999; i >= 2500; i--) order.push_back(i);
  MeasuredLog log = log_of(order);
  std::vector<EvidenceLog> logs = compacted(log, manifest);
  EXPECT_LE(must(encode_log(logs[1])).size(), 1600U) << "a thousand of twelve bits, and one run";
  expect_same({logs[0], through(logs[1])}, log, manifest);
}

TEST(Packed, AListThatGrowsIsAsShortAsOneThatCameAtOnce) {
  Manifest manifest = manifest_of_files(600);
  MeasuredLog log = log_of(shuffled(600));
  LogCompactor grows(std::make_shared<RunIndex>(ContextManifests{&manifest}, log.bank));
  for (std::size_t covered : {1U, 7U, 8U, 9U, 100U, 101U, 599U, 600U}) {
    log.ima_covered = covered;
    expect_same(*must(grows.compact(log)), log, manifest);
  }
  EXPECT_EQ(must(encode_log(grows.logs()[1])), must(encode_log(compacted(log, manifest)[1])));
}

TEST(Packed, FilesWithoutAReferenceStandBetweenIndices) {
  Manifest manifest = manifest_of_files(200);
  std::vector<std::uint32_t> order = shuffled(200);
  order.insert(order.begin() + 100, 7777);
  MeasuredLog log = log_of(order);
  log.events[100].digest = sha256(log.events[100].full.data);  // what its template data says
  LogCompactor compactor(std::make_shared<RunIndex>(ContextManifests{&manifest}, log.bank));
  std::vector<EvidenceLog> told = *must(compactor.compact(log));
  expect_same(told, log, manifest);
  EvidenceLog withheld = compactor.withheld().value();
  expect_same({told[0], through(withheld)}, log, manifest);
  EXPECT_EQ(withheld.segments.size(), told[1].segments.size());
}

TEST(Packed, EveryWidthComesBack) {
  for (unsigned bits = 1; bits <= 32; bits++)
    for (std::uint32_t count : {1U, 2U, 7U, 8U, 9U}) {
      PackedSegment segment{3, static_cast<std::uint8_t>(bits), {}};
      for (std::uint32_t i = 0; i < count; i++)
        segment.entries.push_back(static_cast<std::uint32_t>(((std::uint64_t{1} << bits) - 1) ^ (bits > 3 ? i : 0)));
      Bytes bytes = pack_indices(segment);
      EXPECT_EQ(bytes.size(), packed_size(count, segment.bits));
      PackedSegment back = must(unpack_indices(3, count, bytes));
      EXPECT_EQ(back.entries, segment.entries) << bits;
      EXPECT_EQ(back.bits, bits);
      Bytes shorter(bytes.begin(), bytes.end() - 1), longer = bytes, wider = bytes;
      longer.push_back(0);
      wider[0] = 33;
      for (const Bytes& bad : {shorter, longer, wider}) EXPECT_FALSE(unpack_indices(3, count, bad)) << bits;
      EXPECT_FALSE(unpack_indices(3, count + 8, bytes)) << bits;
    }
  EXPECT_FALSE(unpack_indices(0, 0, Bytes{8}));
  EXPECT_FALSE(unpack_indices(0, 1, Bytes{}));
  EXPECT_FALSE(unpack_indices(0, 1, Bytes{0}));
  EXPECT_FALSE(unpack_indices(0, 1, (Bytes{3, 0b10100001}))) << "a bit behind the last index";
}

TEST(Packed, TheWidthIsWhatTheLastIndexNeeds) {
  EXPECT_EQ(index_bits(0), 1);
  EXPECT_EQ(index_bits(1), 1);
  EXPECT_EQ(index_bits(2), 1);
  EXPECT_EQ(index_bits(3), 2);
  EXPECT_EQ(index_bits(4), 2);
  EXPECT_EQ(index_bits(5), 3);
  EXPECT_EQ(index_bits(10000), 14);
  EXPECT_EQ(index_bits(65536), 16);
  EXPECT_EQ(index_bits(65537), 17);
}

// Wherever a list is cut, its end behind its beginning is the list.
TEST(Tail, OfEveryLengthJoinsTheBeginning) {
  Manifest manifest = manifest_of_files(120);
  std::vector<std::uint32_t> order = shuffled(60);
  for (std::uint32_t i = 60; i < 120; i++) order.push_back(i);
  order.insert(order.begin() + 20, 7777);
  MeasuredLog log = log_of(order);
  log.events[20].digest = sha256(log.events[20].full.data);
  std::vector<EvidenceLog> whole = compacted(log, manifest);
  for (std::uint32_t cut = 1; cut <= whole[1].events; cut++) {
    log.ima_covered = cut;
    EvidenceLog known = compacted(log, manifest)[1];
    EvidenceLog tail = through(must(tail_of(whole[1], cut)));
    EXPECT_EQ(tail.skipped, cut);
    log.ima_covered = order.size();
    expect_same({whole[0], must(joined(known, tail))}, log, manifest);
    EXPECT_FALSE(joined(tail, tail)) << "behind what is no beginning";
    tail.skipped++;
    EXPECT_EQ(joined(known, tail).error().code, Errc::mismatch);
  }
  EXPECT_FALSE(tail_of(whole[1], whole[1].events + 1));
  EXPECT_FALSE(tail_of(must(tail_of(whole[1], 3)), 3)) << "a tail has no beginning to be cut";
}

TEST(Tail, AloneIsNoLog) {
  Manifest manifest = manifest_of_files(10);
  std::vector<EvidenceLog> logs = compacted(log_of({0, 1, 2, 3}), manifest);
  logs[1] = must(tail_of(logs[1], 2));
  EXPECT_EQ(expand_logs(logs, {&manifest}, HashAlg::sha256).error().code, Errc::malformed);
  logs[1].events = 2;
  EXPECT_EQ(expand_logs(logs, {&manifest}, HashAlg::sha256).error().code, Errc::malformed);
}

TEST(Tail, TogetherWithWhatIsKnownIsBounded) {
  EvidenceLog known{LogKind::ima, 3, std::vector<Segment>(kMaxSegments - 1, DigestSegment{10, Bytes(32, 1)})};
  EvidenceLog tail{LogKind::ima, 5, std::vector<Segment>(2, DigestSegment{10, Bytes(32, 1)}), 3};
  EXPECT_EQ(joined(known, tail).error().code, Errc::denied);
  tail.segments.pop_back();
  EXPECT_TRUE(joined(known, tail));
}

TEST(Prefix, NamesAllThatAReplayDependsOn) {
  ReportContext context;
  context.anchors = {{AnchorKind::tpm, Bytes(34, 1)}};
  context.pcrs = PcrSelection{HashAlg::sha256, {0, 10}};
  context.metadata = {digest_of(1), digest_of(2)};
  std::vector<Digest> pcrs{digest_of(3), digest_of(4)};
  Digest prefix = log_prefix(context, 0, 5, 6, pcrs);
  ASSERT_FALSE(prefix.empty());
  ReportContext asker = context;
  asker.service = "nginx";
  asker.role = Role::client;
  asker.known_key = digest_of(9);
  EXPECT_EQ(log_prefix(asker, 0, 5, 6, pcrs), prefix) << "whoever asks";
  EXPECT_NE(log_prefix(context, 3, 5, 6, pcrs), prefix);
  EXPECT_NE(log_prefix(context, 0, 6, 5, pcrs), prefix);
  EXPECT_NE(log_prefix(context, 0, 5, 6, {digest_of(3), digest_of(5)}), prefix);
  ReportContext other = context;
  other.anchors[0].id[0] = 2;
  EXPECT_NE(log_prefix(other, 0, 5, 6, pcrs), prefix);
  other = context;
  other.pcrs->pcrs = {0, 11};
  EXPECT_NE(log_prefix(other, 0, 5, 6, pcrs), prefix);
  other = context;
  std::swap(other.metadata[0], other.metadata[1]);
  EXPECT_NE(log_prefix(other, 0, 5, 6, pcrs), prefix);
}

// The vectors come from test/fixtures/vectors/make_native.py, an implementation of docs/PROTOCOL.md of its own.
TEST(Prefix, AgreesWithTheVectors) {
  auto file = read_file(fixture("vectors/native.json"));
  ASSERT_TRUE(file);
  auto v = nlohmann::json::parse(as_text(*file));
  auto bytes = [&](const char* name) { return *from_hex(v.at(name).get<std::string>(), 4096); };
  ReportContext context = must(decode_context(bytes("keyed_context")));
  Digest prefix = log_prefix(context, 3, 5, 3, std::vector<Digest>(3, Digest::filled(HashAlg::sha256, 2)));
  EXPECT_EQ(to_bytes(prefix.view()), bytes("log_prefix"));
  Request request = must(decode_request(bytes("cursor_request")));
  EXPECT_EQ(request.cursor, key_hint(request.header.nonce, prefix));
  Evidence evidence = must(decode_evidence(bytes("tail_evidence")));
  EXPECT_EQ(must(encode_evidence(evidence)), bytes("tail_evidence"));
  const auto& logs = std::get<TpmAnchor>(evidence.anchors[0]).logs;
  EXPECT_EQ(logs[0].skipped, 5U);
  EXPECT_EQ(std::get<PackedSegment>(logs[1].segments[0]).entries, (std::vector<std::uint32_t>{9999, 0, 4321, 8191, 5}));
}

}  // namespace
}  // namespace attest
