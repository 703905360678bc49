#include "cmcd-lite/server/log_cache.h"

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
}

Status LogCache::encode(const std::vector<EvidenceLog>& logs) {
  revision_.reset();
  logs_.clear();
  withheld_.clear();
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

Result<LogCache::Encoded> LogCache::encoded(const MeasuredLog& log, const OwnMetadata& own) {
  bool same = compactor_ && items_ == own.items && index_->bank() == log.bank &&
              index_->ima_extend() == log.ima_extend;
  if (!same) start(log, own);
  TRY(const std::vector<EvidenceLog>* compacted, compactor_->compact(log));
  if (revision_ != compactor_->revision()) CHECK_OK(encode(*compacted));
  Encoded out{{logs_.begin(), logs_.end()}, {logs_.begin(), logs_.end()}};
  if (!withheld_.empty()) out.withheld.back() = withheld_;
  return out;
}

}  // namespace attest
