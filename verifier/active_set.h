// active_set.h: the signed metadata in force on this machine.
#pragma once
#include <map>
#include <memory>

#include "evidence/core/hash.h"
#include "evidence/core/time.h"
#include "evidence/metadata/set_list.h"
#include "evidence/x509/chain.h"
#include "verifier/known_facts.h"
#include "verifier/references/cache.h"

namespace attest {

// ActiveSet holds verified metadata: per (type, name) the newest version, expiry checked when it is used
// (check_validity). Immutable once shared; the daemon swaps whole sets on reload. Copies share their items.
// Items too large for an evidence message (kMaxEvidence) are held without their bytes.
class ActiveSet {
 public:
  static constexpr std::size_t kMaxFiles = 1024;
  static constexpr std::size_t kMaxFolderBytes = 256 << 20;
  static constexpr UnixTime kClockSkew = 300;  // seconds a version may lie ahead of our clock

  // load verifies every item in a folder (*.json, *.jws) against the signer roots (DER). Items that fail, are
  // not valid yet or claim a version in the future are reported in problems() and left out; expired ones are
  // reported and kept, because an older version must not take their place. io if the folder cannot be read,
  // malformed if it holds more than 1,024 items or 256 MiB, denied without roots. With a set list the list says what
  // counts: only listed items are held, and of each name the one the list calls current, whatever their versions say.
  static Result<ActiveSet> load(const std::string& folder, const std::vector<Bytes>& signer_roots,
                                UnixTime now, const std::vector<Bytes>& signer_crls = {},
                                std::shared_ptr<const SetList> list = nullptr);
  // add verifies one more item, for this set alone (an item that arrived in evidence); stale if an equal or
  // newer version of the same name is held under another digest, or the item is not valid now; denied if there is a set
  // list that does not list it.
  Status add(View item, UnixTime now);
  // find by full digest (SHA-256 of the signed bytes); nullptr if not in force.
  std::shared_ptr<const MetadataItem> find(const Digest& digest) const;
  std::shared_ptr<const MetadataItem> find_name(MetadataType type, std::string_view name) const;
  // list is the set list in force; null: versions decide. Its validity, and that of an entry's window, is judged when used.
  const SetList* list() const { return list_.get(); }
  const std::vector<std::string>& problems() const { return problems_; }
  using Items = std::map<std::pair<MetadataType, std::string>, std::shared_ptr<const MetadataItem>>;
  const Items& items() const { return items_; }
  // references keeps the indexes of the manifests judged lately; copies share it.
  ReferenceCache& references() const { return *references_; }
  // facts keeps what was computed about evidence judged lately; copies share it.
  KnownFacts& facts() const { return *facts_; }

 private:
  void load_file(const std::string& path, View bytes, UnixTime now);
  void keep_newest(const std::string& path, MetadataItem item);
  void put(std::shared_ptr<const MetadataItem> item);
  bool keep_listed(MetadataItem& item);
  Items items_;
  std::unordered_map<Digest, std::shared_ptr<const MetadataItem>, DigestHash> by_digest_;
  std::shared_ptr<const TrustStore> signers_;
  std::shared_ptr<const SetList> list_;
  std::vector<std::string> problems_;
  std::shared_ptr<ReferenceCache> references_ = std::make_shared<ReferenceCache>();
  std::shared_ptr<KnownFacts> facts_ = std::make_shared<KnownFacts>();
};

}  // namespace attest
