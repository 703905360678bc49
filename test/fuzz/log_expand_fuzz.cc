#include "evidence/logs/expand.h"

namespace {

using namespace attest;

constexpr std::uint32_t kCap = 1000;

// One manifest of eight values for PCR 0 to 7, beside an item that is none.
Manifest small_manifest() {
  Manifest manifest;
  for (std::uint32_t pcr = 0; pcr < 8; pcr++) {
    ReferenceValue value;
    value.reg = pcr;
    value.hashes.emplace_back(HashAlg::sha256,
                              Digest::filled(HashAlg::sha256, static_cast<std::uint8_t>(pcr)));
    manifest.tpm.push_back(pcr);
    manifest.references.push_back(std::move(value));
  }
  return manifest;
}

// Indices into small_manifest() and a little beyond.
PackedSegment read_packed(Reader& in) {
  PackedSegment packed{in.u8(), in.u8(), {}};
  for (std::uint8_t index : in.take16be(2048)) packed.entries.push_back(index);
  return packed;
}

Segment read_segment(Reader& in) {
  std::uint8_t form = in.u8();
  if (form % 2 == 0) return RunSegment{in.u8(), in.u32be(), in.u32be()};
  if (form % 8 == 5) return read_packed(in);
  if (form % 4 == 3) return DigestSegment{in.u8(), to_bytes(in.take16be(64))};
  EventSegment e;
  e.pcr = in.u8();
  e.type = in.u8();
  e.template_name = std::string(as_text(in.take16be(16)));
  e.digest = to_bytes(in.take16be(64));
  e.data = to_bytes(in.take16be(256));
  return e;
}

}  // namespace

// Whatever the segments say: never more events than the cap, and exactly as many as the logs claim.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Manifest kManifest = small_manifest();
  Reader in(View(data, size));
  std::vector<EvidenceLog> logs;
  while (in.more() && logs.size() < 3) {
    EvidenceLog log{in.u8() % 2 == 0 ? LogKind::tcg : LogKind::ima, in.u32be(), {}};
    for (std::uint8_t n = in.u8(); n > 0 && in.more(); n--) log.segments.push_back(read_segment(in));
    if (log.kind == LogKind::ima && log.events % 2 == 1) log.skipped = in.u8();
    logs.push_back(std::move(log));
  }
  auto events = expand_logs(logs, {nullptr, &kManifest}, HashAlg::sha256, ImaExtend::template_data, kCap);
  if (!events) return 0;
  std::uint64_t claimed = 0;
  for (const EvidenceLog& log : logs) claimed += log.events;
  if (events->size() > kCap || events->size() != claimed) __builtin_trap();
  auto replay = replay_events(*events, HashAlg::sha256, 0);
  if (!replay || replay->value(0).empty()) __builtin_trap();
  for (const ExpandedEvent& e : *events) (void)event_name(e);
  return 0;
}
