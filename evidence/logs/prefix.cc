#include "evidence/logs/prefix.h"

namespace attest {
namespace {

// cut leaves out the first events of a segment that has more than that.
void cut(Segment& segment, std::uint32_t skipped) {
  if (auto* run = std::get_if<RunSegment>(&segment)) {
    run->first += skipped;
    run->count -= skipped;
  } else if (auto* packed = std::get_if<PackedSegment>(&segment)) {
    packed->entries.erase(packed->entries.begin(), packed->entries.begin() + skipped);
  }
}

// continues: the second segment goes on where the first ends and was taken into it.
bool continues(Segment& first, const Segment& second) {
  auto* run = std::get_if<RunSegment>(&first);
  const auto* next_run = std::get_if<RunSegment>(&second);
  if (run != nullptr && next_run != nullptr && run->metadata == next_run->metadata &&
      std::uint64_t{run->first} + run->count == next_run->first) {
    run->count += next_run->count;
    return true;
  }
  auto* packed = std::get_if<PackedSegment>(&first);
  const auto* next = std::get_if<PackedSegment>(&second);
  if (packed == nullptr || next == nullptr || packed->metadata != next->metadata || packed->bits != next->bits) return false;
  packed->entries.insert(packed->entries.end(), next->entries.begin(), next->entries.end());
  return true;
}

}  // namespace

std::uint32_t events_in(const Segment& segment) {
  if (const auto* run = std::get_if<RunSegment>(&segment)) return run->count;
  if (const auto* packed = std::get_if<PackedSegment>(&segment)) return static_cast<std::uint32_t>(packed->entries.size());
  return 1;
}

Digest log_prefix(const ReportContext& context, std::uint8_t startup_locality, std::uint64_t tcg_events, std::uint64_t ima_events,
                  const std::vector<Digest>& pcr_values) {
  ReportContext machine;
  machine.profile = context.profile;
  machine.anchors = context.anchors;
  machine.pcrs = context.pcrs;
  machine.metadata = context.metadata;
  auto encoded = encode_context(machine);
  if (!encoded) return {};
  Writer out;
  out.put(as_view("attest/1 log"));
  out.put(sha256(*encoded).view());
  out.u8(startup_locality);
  out.u32be(static_cast<std::uint32_t>(tcg_events));
  out.u32be(static_cast<std::uint32_t>(ima_events));
  for (const Digest& value : pcr_values) out.put(value.view());
  auto bytes = std::move(out).finish("log prefix");
  return bytes ? sha256(*bytes) : Digest();
}

Result<EvidenceLog> tail_of(const EvidenceLog& log, std::uint32_t skipped) {
  if (log.skipped != 0) return Error{Errc::malformed, "log: its beginning is not here"};
  EvidenceLog out{log.kind, log.events, {}, skipped};
  std::uint32_t left = skipped;
  for (const Segment& segment : log.segments) {
    std::uint32_t here = events_in(segment);
    if (left >= here) {
      left -= here;
      continue;
    }
    out.segments.push_back(segment);
    cut(out.segments.back(), left);
    left = 0;
  }
  if (left > 0) return Error{Errc::malformed, "log: shorter than what is to be left out"};
  return out;
}

Result<EvidenceLog> joined(const EvidenceLog& known, EvidenceLog tail) {
  if (known.kind != tail.kind || known.skipped != 0 || known.events != tail.skipped)
    return Error{Errc::mismatch, "log: goes on after event " + std::to_string(tail.skipped) + ", " + std::to_string(known.events) +
                                     " are known here"};
  if (known.segments.size() + tail.segments.size() > kMaxSegments)
    return Error{Errc::denied, "log: more than " + std::to_string(kMaxSegments) + " segments together with what is known"};
  EvidenceLog out = known;
  out.events = tail.events;
  for (std::size_t i = 0; i < tail.segments.size(); i++)
    if (i > 0 || out.segments.empty() || !continues(out.segments.back(), tail.segments[0])) out.segments.push_back(std::move(tail.segments[i]));
  return out;
}

}  // namespace attest
