#include "cmcd-lite/server/devices/log_cache.h"

namespace attest {
namespace {

const Manifest* manifest_of(const MetadataItem& item) {
  return item.metadata->type == MetadataType::manifest ? &item.metadata->manifest : nullptr;
}

}  // namespace

void LogCache::start(const MeasuredLog& log, const OwnMetadata& own) {
  compactor_.reset();
  items_ = own.items;
  ContextManifests manifests;
  for (const auto& item : items_) manifests.push_back(manifest_of(*item));
  index_ = std::make_shared<const RunIndex>(std::move(manifests), log.bank, log.ima_extend);
  compactor_.emplace(index_);
  revision_.reset();
  marks_.clear();
}

void LogCache::mark(const MeasuredLog& log, const ReportContext& context) {
  if (generation_ != log.generation) marks_.clear();
  generation_ = log.generation;
  Mark now{log.ima_covered, log_prefix(context, log.startup_locality, log.tcg_events, log.ima_covered, log.pcr_values)};
  if (now.prefix.empty() || (!marks_.empty() && marks_.front().prefix == now.prefix)) return;
  marks_.push_front(std::move(now));
  if (marks_.size() > kMaxMarks) marks_.pop_back();
}

Result<std::vector<Bytes>> LogCache::tail(std::size_t ima, bool tell_files) const {
  auto withheld = tell_files ? std::nullopt : compactor_->withheld();
  std::vector<Bytes> out;
  for (const EvidenceLog& log : compactor_->logs()) {
    bool firmware = log.kind == LogKind::tcg;
    const EvidenceLog& told = !firmware && withheld ? *withheld : log;
    TRY(EvidenceLog rest, tail_of(told, firmware ? log.events : static_cast<std::uint32_t>(ima)));
    TRY(Bytes encoded, encode_log(rest));
    out.push_back(std::move(encoded));
  }
  return out;
}

std::optional<std::vector<View>> LogCache::after(View cursor, const Nonce& nonce, bool tell_files) {
  if (cursor.empty() || !revision_) return std::nullopt;
  auto known = std::ranges::find_if(marks_, [&](const Mark& mark) { return equal(key_hint(nonce, mark.prefix), cursor); });
  if (known == marks_.end()) return std::nullopt;
  auto kept = tails_.find({known->ima, tell_files});
  if (kept == tails_.end()) {
    auto made = tail(known->ima, tell_files);
    if (!made) return std::nullopt;  // everything, then
    if (tails_.size() >= kMaxTails) tails_.clear();
    kept = tails_.emplace(std::pair(known->ima, tell_files), *std::move(made)).first;
  }
  return std::vector<View>(kept->second.begin(), kept->second.end());
}

Status LogCache::encode(const std::vector<EvidenceLog>& logs) {
  revision_.reset();
  logs_.clear();
  withheld_.clear();
  tails_.clear();
  for (const EvidenceLog& part : logs) {
    TRY(Bytes bytes, encode_log(part));
    logs_.push_back(std::move(bytes));
  }
  if (auto withheld = compactor_->withheld()) {
    TRY(withheld_, encode_log(*withheld));
  }
  revision_ = compactor_->revision();
  return ok();
}

Result<LogCache::Encoded> LogCache::encoded(const MeasuredLog& log, const OwnMetadata& own,
                                            const ReportContext& context) {
  bool same = compactor_ && items_ == own.items && index_->bank() == log.bank &&
              index_->ima_extend() == log.ima_extend;
  if (!same) start(log, own);
  TRY(const std::vector<EvidenceLog>* compacted, compactor_->compact(log));
  if (revision_ != compactor_->revision()) CHECK_OK(encode(*compacted));
  mark(log, context);
  Encoded out{{logs_.begin(), logs_.end()}, {logs_.begin(), logs_.end()}};
  if (!withheld_.empty()) out.withheld.back() = withheld_;
  return out;
}

}  // namespace attest
