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

Result<std::vector<View>> LogCache::encoded(const MeasuredLog& log, const OwnMetadata& own) {
  bool same = compactor_ && items_ == own.items && index_->bank() == log.bank &&
              index_->ima_extend() == log.ima_extend;
  if (!same) start(log, own);
  TRY(const std::vector<EvidenceLog>* compacted, compactor_->compact(log));
  if (revision_ != compactor_->revision()) {
    logs_.clear();
    revision_.reset();
    for (const EvidenceLog& part : *compacted) {
      TRY(Bytes bytes, encode_log(part));
      logs_.push_back(std::move(bytes));
    }
    revision_ = compactor_->revision();
  }
  return std::vector<View>(logs_.begin(), logs_.end());
}

}  // namespace attest
