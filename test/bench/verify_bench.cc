// verify_bench: an IMA list in full, expanded, replayed and matched, against its floor: one template hash and one extend
// an entry with prefetched EVP. Prints one JSON line.
//   verify_bench ENTRIES ROUNDS
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "evidence/core/hex.h"
#include "evidence/logs/expand.h"
#include "test/bench/measure.h"
#include "verifier/references/match.h"

namespace {

using namespace attest;
using namespace attest::bench;
using Clock = std::chrono::steady_clock;

// An ima-ng entry: "sha256:" digest and path.
Bytes template_data(std::uint32_t number) {
  Writer out;
  Digest file = sha256(as_view("file " + std::to_string(number)));
  std::string path = "/usr/lib/x86_64-linux-gnu/example/module-" + std::to_string(number) + ".so";
  out.u32le(8 + 32);
  out.put(as_view(std::string_view("sha256:\0", 8)));
  out.put(file.view());
  out.u32le(static_cast<std::uint32_t>(path.size() + 1));
  out.put(as_view(path));
  out.u8(0);
  return *std::move(out).finish("entry");
}

EvidenceLog make_log(std::uint32_t entries) {
  EvidenceLog log{LogKind::ima, entries, {}};
  for (std::uint32_t i = 0; i < entries; i++) {
    EventSegment event;
    event.pcr = 10;
    event.template_name = "ima-ng";
    event.data = template_data(i);
    event.digest = to_bytes(hash_of(HashAlg::sha1, {event.data}).view());
    log.segments.emplace_back(std::move(event));
  }
  return log;
}

Manifest make_manifest(const EvidenceLog& log) {
  Manifest manifest;
  for (const Segment& segment : log.segments) {
    ReferenceValue value;
    value.reg = 10;
    value.optional = true;
    value.hashes = {{HashAlg::sha256, sha256(std::get<EventSegment>(segment).data)}};
    manifest.tpm.push_back(static_cast<std::uint32_t>(manifest.references.size()));
    manifest.references.push_back(std::move(value));
  }
  return manifest;
}

double milliseconds(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

double floor_of(const EvidenceLog& log) {
  auto hasher = Hasher::make(HashAlg::sha256);
  auto start = Clock::now();
  Digest pcr = pcr_start_value(HashAlg::sha256, 10, 0);
  for (const Segment& segment : log.segments)
    pcr = hasher->extend(pcr, hasher->of({std::get<EventSegment>(segment).data}).view());
  return pcr.empty() ? -1 : milliseconds(start);
}

double verify(const std::vector<EvidenceLog>& logs, const ContextManifests& manifests, const ReferenceIndex& index) {
  auto start = Clock::now();
  auto events = expand_logs(logs, manifests, HashAlg::sha256);
  if (!events) return -1;
  auto replay = replay_events(*events, HashAlg::sha256, 0);
  if (!replay || replay->value(10).empty()) return -1;
  Matcher matcher(index);
  std::uint64_t position = 0;
  for (const ExpandedEvent& event : *events)
    matcher.judge({position++, event.pcr, event.kind, &event.digest, event.full});
  LogFindings findings = std::move(matcher).finish({10});
  return findings.mismatches.empty() ? milliseconds(start) : -1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: %s ENTRIES ROUNDS\n", argv[0]);
    return 2;
  }
  auto entries = static_cast<std::uint32_t>(std::atoi(argv[1]));
  int rounds = std::max(1, std::atoi(argv[2]));
  std::vector<EvidenceLog> logs{make_log(entries)};
  Manifest manifest = make_manifest(logs[0]);
  auto start = Clock::now();
  ReferenceIndex index({{"bench", "2026-01-01T00:00:00Z", &manifest}}, HashAlg::sha256);
  double index_ms = milliseconds(start);  // once for a set of manifests, kept between handshakes
  std::vector<double> floors, verified;
  for (int i = 0; i < rounds; i++) {  // in turn, so that a machine that slows down slows both
    floors.push_back(floor_of(logs[0]));
    verified.push_back(verify(logs, {&manifest}, index));
    if (verified.back() < 0) return 1;
  }
  std::printf("{\"floor_ms\": %.3f, \"verify_ms\": %.3f, \"index_ms\": %.3f}\n", median(floors), median(verified),
              index_ms);
  return 0;
}
