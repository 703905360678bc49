#include "evidence/logs/compact.h"

#include "evidence/cbor/cbor.h"
#include "evidence/native/packed.h"

namespace attest {
namespace {

constexpr std::size_t kPackRuns = 8;  // short runs in a row that are looked at together

std::size_t bytes_of(const RunSegment& run) {
  return 1 + cbor::head_size(run.metadata) + cbor::head_size(run.first) + cbor::head_size(run.count);
}

std::size_t packed_bytes(std::uint32_t metadata, std::size_t count, std::uint8_t bits) {
  std::size_t body = packed_size(count, bits);
  return 1 + cbor::head_size(metadata) + cbor::head_size(count) + cbor::head_size(body) + body;
}

void add_indices(PackedSegment& out, const RunSegment& run) {
  for (std::uint32_t i = 0; i < run.count; i++) out.entries.push_back(run.first + i);
}

}  // namespace

void LogCompactor::restart(const MeasuredLog& log) {
  next_.assign(index_->items(), 0);
  generation_ = log.generation;
  started_ = true;
  tcg_done_ = ima_done_ = full_ = 0;
  ima_digests_.clear();
  logs_.assign(1, EvidenceLog{LogKind::tcg, 0, {}});
  revision_++;
}

// A run goes on while the next reference value of the same manifest equals the next event.
bool LogCompactor::continue_run(EvidenceLog& out, const MeasuredEvent& event) {
  if (out.segments.empty()) return false;
  auto* run = std::get_if<RunSegment>(&out.segments.back());
  if (run == nullptr || !index_->matches({run->metadata, run->first + run->count}, event)) return false;
  run->count++;
  next_[run->metadata] = run->first + run->count;
  return true;
}

// settle is asked before a segment is begun: the run that has ended becomes indices where those are shorter. It looks at a fixed
// number of segments, so that compaction stays linear.
void LogCompactor::settle(std::vector<Segment>& segments) const {
  const auto* run = segments.empty() ? nullptr : std::get_if<RunSegment>(&segments.back());
  if (run == nullptr) return;
  auto* before = segments.size() < 2 ? nullptr : std::get_if<PackedSegment>(&segments[segments.size() - 2]);
  if (before == nullptr || before->metadata != run->metadata) return pack_last(segments);
  if (std::size_t{run->count} * before->bits > bytes_of(*run) * 8) return;
  add_indices(*before, *run);
  segments.pop_back();
}

void LogCompactor::pack_last(std::vector<Segment>& segments) const {
  if (segments.size() < kPackRuns) return;
  std::span<const Segment> last = std::span(segments).last(kPackRuns);
  std::size_t count = 0, bytes = 0;
  for (const Segment& segment : last) {
    const auto* run = std::get_if<RunSegment>(&segment);
    if (run == nullptr || run->metadata != std::get<RunSegment>(last.back()).metadata) return;
    count += run->count;
    bytes += bytes_of(*run);
  }
  const std::uint32_t item = std::get<RunSegment>(last.back()).metadata;
  PackedSegment packed{item, index_bits(index_->references(item)), {}};
  if (packed_bytes(item, count, packed.bits) >= bytes) return;
  for (const Segment& segment : last) add_indices(packed, std::get<RunSegment>(segment));
  segments.resize(segments.size() - kPackRuns);
  segments.emplace_back(std::move(packed));
}

Status LogCompactor::append(EvidenceLog& out, std::span<const MeasuredEvent> events) {
  for (const MeasuredEvent& event : events) {
    if (out.events >= kMaxLogEvents)
      return Error{Errc::denied, "log: more than " + std::to_string(kMaxLogEvents) + " events"};
    out.events++;
    if (continue_run(out, event)) continue;
    settle(out.segments);
    if (out.segments.size() >= kMaxSegments)
      return Error{Errc::denied, "log: more than " + std::to_string(kMaxSegments) + " segments, " +
                                     std::to_string(full_) +
                                     " events have no reference value in signed metadata"};
    if (auto position = index_->find(event, next_)) {
      out.segments.emplace_back(RunSegment{position->metadata, position->entry, 1});
      next_[position->metadata] = position->entry + 1;
    } else {
      out.segments.emplace_back(event.full);
      if (event.kind == LogKind::ima) ima_digests_.push_back(event.digest);
      full_++;
    }
  }
  return ok();
}

std::optional<EvidenceLog> LogCompactor::withheld() const {
  if (ima_digests_.empty() || logs_.size() < 2) return std::nullopt;
  const EvidenceLog& whole = logs_[1];
  EvidenceLog out{whole.kind, whole.events, {}};
  out.segments.reserve(whole.segments.size());
  auto digest = ima_digests_.begin();
  for (const Segment& segment : whole.segments) {
    if (const auto* event = std::get_if<EventSegment>(&segment))
      out.segments.emplace_back(DigestSegment{event->pcr, to_bytes((digest++)->view())});
    else
      out.segments.push_back(segment);
  }
  return out;
}

Result<const std::vector<EvidenceLog>*> LogCompactor::compact(const MeasuredLog& log) {
  if (log.bank != index_->bank() || log.ima_extend != index_->ima_extend())
    return Error{Errc::mismatch, "log: not of the bank its references were indexed for"};
  if (log.tcg_events > log.events.size() || log.ima_covered > log.events.size() - log.tcg_events)
    return Error{Errc::malformed, "log: covers more events than it holds"};
  bool goes_on = started_ && log.generation == generation_ && log.tcg_events == tcg_done_ &&
                 log.ima_covered >= ima_done_;
  if (!goes_on) restart(log);
  std::span<const MeasuredEvent> all(log.events);
  auto fresh_tcg = all.first(log.tcg_events).subspan(tcg_done_);
  auto fresh_ima = all.subspan(log.tcg_events, log.ima_covered).subspan(ima_done_);
  if (!fresh_tcg.empty() || !fresh_ima.empty()) revision_++;
  started_ = false;  // an error below leaves half a state: the next call starts again
  CHECK_OK(append(logs_[0], fresh_tcg));
  if (!fresh_ima.empty() && logs_.size() == 1) logs_.push_back({LogKind::ima, 0, {}});
  if (!fresh_ima.empty()) CHECK_OK(append(logs_[1], fresh_ima));
  tcg_done_ = log.tcg_events;
  ima_done_ = log.ima_covered;
  started_ = true;
  return &logs_;
}

}  // namespace attest
