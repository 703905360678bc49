// index.h: the reference values of several manifests, ready to be looked up by PCR and digest.
#pragma once
#include <deque>
#include <span>

#include "evidence/metadata/metadata.h"

namespace attest {

inline constexpr std::uint32_t kNone = 0xffffffff;

// Place is one reference value with a digest in the quoted bank: which manifest, which entry, and its place within its
// group.
struct Place {
  const ReferenceValue* value = nullptr;
  std::uint32_t manifest = 0;   // position in layer order
  std::uint32_t entry = 0;      // index in the manifest's list, as people count it
  std::uint32_t group = 0;
  std::uint32_t position = 0;   // within the group
  std::uint32_t twins = 0;      // the Twins it belongs to
  std::uint32_t next_twin = kNone;  // the next place of the same Twins; positions ascend
};

// Twins are the places of one group that carry the same digest. Those of other groups for the same PCR and digest follow
// by `next`; `head` names the first of that chain.
struct Twins {
  const Digest* digest = nullptr;
  std::uint32_t group = 0;
  std::uint8_t pcr = 0;
  std::uint32_t first = kNone;  // place
  std::uint32_t last = kNone;
  std::uint32_t next = kNone;   // Twins
  std::uint32_t head = 0;       // Twins
};

// Group holds what one manifest says about one PCR, in file order.
struct Group {
  std::uint32_t manifest = 0;
  std::uint8_t pcr = 0;
  bool ordered = false;                        // from a log-ordered manifest
  std::vector<std::uint32_t> places;
  std::vector<std::uint32_t> next_mandatory;   // for each position: the first mandatory one at or after it, or kNone
};

struct NamedManifest {
  std::string name;
  std::string version;
  const Manifest* manifest = nullptr;
};

// ReferenceIndex looks the TPM references of several manifests up by (PCR, digest) in constant time. Immutable once made;
// it lends the manifests it was made from, which must outlive it. padded_pcrs is a bit mask of PCRs whose values of this bank
// are SHA-1 digests with zeros behind (IMA in a bank the kernel could not serve).
class ReferenceIndex {
 public:
  ReferenceIndex(std::vector<NamedManifest> manifests, HashAlg bank, std::uint32_t padded_pcrs = 0);
  ReferenceIndex(ReferenceIndex&&) = default;  // a copy would lend from the original
  ReferenceIndex& operator=(ReferenceIndex&&) = default;
  // find: the first Twins of this PCR and digest, kNone if no manifest knows it.
  std::uint32_t find(std::uint8_t pcr, const Digest& digest) const;
  HashAlg bank() const { return bank_; }
  const std::vector<Place>& places() const { return places_; }
  const std::vector<Twins>& twins() const { return twins_; }
  const std::vector<Group>& groups() const { return groups_; }
  const std::vector<NamedManifest>& manifests() const { return manifests_; }
  // digest_of: what an event that equals this place extended; nullptr for one of without_digest().
  const Digest* digest_of(const Place& place) const {
    return place.group == kNone ? nullptr : twins_[place.twins].digest;
  }
  // without_digest: mandatory references that have no digest in this bank; they can never be met. Place::group is kNone.
  const std::vector<Place>& without_digest() const { return without_digest_; }
  // groups_of: the groups of a PCR in layer order.
  std::span<const std::uint32_t> groups_of(std::uint8_t pcr) const;

 private:
  void add(std::uint32_t manifest, std::uint32_t entry, const ReferenceValue& value);
  const Digest* quoted_digest(const ReferenceValue& value);
  std::uint32_t group_for(std::uint32_t manifest, std::uint8_t pcr);
  // Slot holds a part of the digest beside the Twins, so that looking elsewhere is rare in a table of 100,000.
  struct Slot {
    std::uint32_t tag = 0;
    std::uint32_t twins = kNone;
  };
  std::size_t slot_of(std::uint8_t pcr, const Digest& digest) const;
  static std::uint64_t key_of(std::uint8_t pcr, const Digest& digest);
  void link(std::uint32_t place, const Digest& digest);
  void close_groups();

  HashAlg bank_;
  std::uint32_t padded_pcrs_;
  std::deque<Digest> padded_;
  std::vector<NamedManifest> manifests_;
  std::vector<Place> places_;
  std::vector<Place> without_digest_;
  std::vector<Twins> twins_;
  std::vector<Group> groups_;
  std::array<std::vector<std::uint32_t>, 24> groups_of_pcr_;
  std::vector<Slot> slots_;  // open addressing, a power of two, at most half full
};

}  // namespace attest
