#include "evidence/logs/compact.h"

namespace attest {

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

Status LogCompactor::append(EvidenceLog& out, std::span<const MeasuredEvent> events) {
  for (const MeasuredEvent& event : events) {
    if (out.events >= kMaxLogEvents)
      return Error{Errc::denied, "log: more than " + std::to_string(kMaxLogEvents) + " events"};
    out.events++;
    if (continue_run(out, event)) continue;
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
    if (const auto* run = std::get_if<RunSegment>(&segment))
      out.segments.emplace_back(*run);
    else
      out.segments.emplace_back(
          DigestSegment{std::get<EventSegment>(segment).pcr, to_bytes((digest++)->view())});
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
