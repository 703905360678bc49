// active_set.h: the signed metadata in force on this machine.
#pragma once
#include <map>
#include <memory>

#include "evidence/core/hash.h"
#include "evidence/core/time.h"
#include "evidence/metadata/metadata.h"

namespace attest {

// ActiveSet holds verified metadata: per (type, name) the newest version, expiry checked when it is used. Immutable;
// the daemon swaps whole sets on reload.
class ActiveSet {
 public:
  // load verifies every item in a folder (*.json, *.jws) against the signer roots (DER). Items that fail are reported
  // in problems() and left out; io if the folder cannot be read.
  static Result<ActiveSet> load(const std::string& folder, const std::vector<Bytes>& signer_roots, UnixTime now);
  // add verifies one more item, for this set alone (an item that arrived in evidence); stale if an equal or newer
  // version of the same name is held under another digest.
  Status add(View item, UnixTime now);
  // find by full digest (SHA-256 of the signed bytes); nullptr if not in force.
  std::shared_ptr<const MetadataItem> find(const Digest& digest) const;
  std::shared_ptr<const MetadataItem> find_name(MetadataType type, std::string_view name) const;
  const std::vector<std::string>& problems() const { return problems_; }
  const std::map<std::pair<MetadataType, std::string>, std::shared_ptr<const MetadataItem>>& items() const { return items_; }

 private:
  std::map<std::pair<MetadataType, std::string>, std::shared_ptr<const MetadataItem>> items_;
  std::vector<Bytes> signer_roots_;
  std::vector<std::string> problems_;
};

}  // namespace attest
