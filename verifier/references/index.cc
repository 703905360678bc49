#include "verifier/references/index.h"

#include <bit>

namespace attest {

ReferenceIndex::ReferenceIndex(std::vector<NamedManifest> manifests, HashAlg bank, std::uint32_t padded_pcrs)
    : bank_(bank), padded_pcrs_(padded_pcrs), manifests_(std::move(manifests)) {
  std::size_t count = 0;
  for (const NamedManifest& m : manifests_) count += m.manifest->tpm.size();
  places_.reserve(count);
  twins_.reserve(count);
  slots_.resize(std::bit_ceil(2 * count + 2));
  for (std::uint32_t m = 0; m < manifests_.size(); m++) {
    const Manifest& manifest = *manifests_[m].manifest;
    for (std::uint32_t entry : manifest.tpm) add(m, entry, manifest.references[entry]);
  }
  close_groups();
}

void ReferenceIndex::add(std::uint32_t manifest, std::uint32_t entry, const ReferenceValue& value) {
  Place place;
  place.value = &value;
  place.manifest = manifest;
  place.entry = entry;
  place.group = kNone;
  const Digest* digest = quoted_digest(value);
  if (digest == nullptr) {
    if (!value.optional) without_digest_.push_back(place);
    return;
  }
  place.group = group_for(manifest, static_cast<std::uint8_t>(value.reg));
  Group& group = groups_[place.group];
  place.position = static_cast<std::uint32_t>(group.places.size());
  auto at = static_cast<std::uint32_t>(places_.size());
  group.places.push_back(at);
  places_.push_back(place);
  link(at, *digest);
}

// quoted_digest: what the value extends in this bank; nullptr where it cannot.
const Digest* ReferenceIndex::quoted_digest(const ReferenceValue& value) {
  if (value.reg >= groups_of_pcr_.size()) return nullptr;
  if ((padded_pcrs_ >> value.reg & 1U) == 0) return value.hash(bank_);
  const Digest* sha1 = value.hash(HashAlg::sha1);
  if (sha1 == nullptr || sha1->size() != digest_size(HashAlg::sha1)) return nullptr;
  padded_.push_back(Digest::filled(bank_, 0));
  std::copy(sha1->view().begin(), sha1->view().end(), padded_.back().data());
  return &padded_.back();
}

std::uint32_t ReferenceIndex::group_for(std::uint32_t manifest, std::uint8_t pcr) {
  std::vector<std::uint32_t>& of_pcr = groups_of_pcr_[pcr];
  // manifests come one after the other, so only the newest group of a PCR can be ours
  if (!of_pcr.empty() && groups_[of_pcr.back()].manifest == manifest) return of_pcr.back();
  auto at = static_cast<std::uint32_t>(groups_.size());
  Group group;
  group.manifest = manifest;
  group.pcr = pcr;
  group.ordered = manifests_[manifest].manifest->log_ordered;
  groups_.push_back(std::move(group));
  of_pcr.push_back(at);
  return at;
}

// key_of: digests are uniform already; the PCR tells equal ones apart.
std::uint64_t ReferenceIndex::key_of(std::uint8_t pcr, const Digest& digest) {
  return DigestHash{}(digest) ^ (std::uint64_t{pcr} * 0x9e3779b97f4a7c15U);
}

std::size_t ReferenceIndex::slot_of(std::uint8_t pcr, const Digest& digest) const {
  std::uint64_t key = key_of(pcr, digest);
  std::size_t mask = slots_.size() - 1;
  auto tag = static_cast<std::uint32_t>(key >> 32);
  for (std::size_t slot = key & mask;; slot = (slot + 1) & mask) {
    if (slots_[slot].twins == kNone) return slot;
    if (slots_[slot].tag != tag) continue;
    const Twins& twins = twins_[slots_[slot].twins];
    if (twins.pcr == pcr && *twins.digest == digest) return slot;
  }
}

std::uint32_t ReferenceIndex::find(std::uint8_t pcr, const Digest& digest) const {
  return slots_[slot_of(pcr, digest)].twins;
}

// link hangs a place into the chain of its digest: behind its twins of the same group, or as the first of a new group.
void ReferenceIndex::link(std::uint32_t at, const Digest& digest) {
  Place& place = places_[at];
  std::size_t slot = slot_of(groups_[place.group].pcr, digest);
  std::uint32_t head = slots_[slot].twins;
  std::uint32_t tail = head;
  while (tail != kNone && twins_[tail].next != kNone) tail = twins_[tail].next;  // at most one step a manifest
  if (tail != kNone && twins_[tail].group == place.group) {
    places_[twins_[tail].last].next_twin = at;
    twins_[tail].last = at;
    place.twins = tail;
    return;
  }
  place.twins = static_cast<std::uint32_t>(twins_.size());
  Twins twins;
  twins.digest = &digest;
  twins.group = place.group;
  twins.pcr = groups_[place.group].pcr;
  twins.first = twins.last = at;
  twins.head = head == kNone ? place.twins : head;
  twins_.push_back(twins);
  if (tail == kNone)
    slots_[slot] = {static_cast<std::uint32_t>(key_of(twins.pcr, digest) >> 32), place.twins};
  else
    twins_[tail].next = place.twins;
}

void ReferenceIndex::close_groups() {
  for (Group& group : groups_) {
    group.next_mandatory.assign(group.places.size(), kNone);
    std::uint32_t next = kNone;
    for (auto i = static_cast<std::uint32_t>(group.places.size()); i-- > 0;) {
      if (!places_[group.places[i]].value->optional) next = i;
      group.next_mandatory[i] = next;
    }
  }
}

std::span<const std::uint32_t> ReferenceIndex::groups_of(std::uint8_t pcr) const {
  if (pcr >= groups_of_pcr_.size()) return {};
  return groups_of_pcr_[pcr];
}

}  // namespace attest
