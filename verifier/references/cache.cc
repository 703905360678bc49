#include "verifier/references/cache.h"

namespace attest {

std::shared_ptr<const PreparedReferences> ReferenceCache::get(const std::vector<const MetadataItem*>& manifests,
                                                              const std::vector<std::shared_ptr<const MetadataItem>>& items,
                                                              HashAlg bank, std::uint32_t padded_pcrs) {
  std::vector<Digest> digests;
  for (const MetadataItem* item : manifests) digests.push_back(item->digest);
  if (auto kept = find(digests, bank, padded_pcrs)) return kept;
  std::vector<NamedManifest> named;
  for (const MetadataItem* item : manifests)
    named.push_back({item->metadata->name, item->metadata->version, &item->metadata->manifest});
  // Made outside the lock: a large list must not hold up the judges of small ones.
  auto made = std::make_shared<const PreparedReferences>(PreparedReferences{items, ReferenceIndex(std::move(named), bank, padded_pcrs)});
  std::lock_guard lock(mutex_);
  entries_.push_front({std::move(digests), bank, padded_pcrs, made});
  if (entries_.size() > kKept) entries_.pop_back();
  return made;
}

std::shared_ptr<const PreparedReferences> ReferenceCache::find(const std::vector<Digest>& digests, HashAlg bank,
                                                               std::uint32_t padded_pcrs) {
  std::lock_guard lock(mutex_);
  for (auto entry = entries_.begin(); entry != entries_.end(); ++entry) {
    if (entry->bank != bank || entry->padded_pcrs != padded_pcrs || entry->digests != digests) continue;
    entries_.splice(entries_.begin(), entries_, entry);
    return entry->prepared;
  }
  return nullptr;
}

}  // namespace attest
