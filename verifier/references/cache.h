// cache.h: reference indexes kept between appraisals.
#pragma once
#include <list>
#include <memory>
#include <mutex>

#include "evidence/metadata/metadata.h"
#include "verifier/references/index.h"

namespace attest {

// PreparedReferences is an index and the items it lends from.
struct PreparedReferences {
  std::vector<std::shared_ptr<const MetadataItem>> items;
  ReferenceIndex index;
};

// ReferenceCache makes the index of a list of manifests once, not once a handshake: a fact about signed items, never a
// verdict. Keeps the last kKept lists; thread safe. An appraisal keeps its index alive through the shared pointer.
class ReferenceCache {
 public:
  static constexpr std::size_t kKept = 8;
  // get: manifests in layer order; all of them stand in items. padded_pcrs as ReferenceIndex takes it.
  std::shared_ptr<const PreparedReferences> get(const std::vector<const MetadataItem*>& manifests,
                                                const std::vector<std::shared_ptr<const MetadataItem>>& items, HashAlg bank,
                                                std::uint32_t padded_pcrs = 0);

 private:
  struct Entry {
    std::vector<Digest> digests;
    HashAlg bank;
    std::uint32_t padded_pcrs;
    std::shared_ptr<const PreparedReferences> prepared;
  };
  std::shared_ptr<const PreparedReferences> find(const std::vector<Digest>& digests, HashAlg bank, std::uint32_t padded_pcrs);
  std::mutex mutex_;
  std::list<Entry> entries_;  // last used first
};

}  // namespace attest
