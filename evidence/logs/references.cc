#include "evidence/logs/references.h"

#include <bit>

#include "evidence/logs/ima_list.h"

namespace attest {
namespace {

constexpr std::size_t kMaxCandidates = 64;  // equal values looked at: keeps compaction linear

std::uint64_t slot_key(std::uint32_t pcr, const Digest& digest) {
  std::uint64_t key = pcr;
  for (std::size_t i = 0; i < 7 && i < digest.size(); i++) key = key << 8 | digest.view()[i];
  return key;
}

const Digest* hash_in(const ReferenceValue& value, HashAlg alg) {
  for (const auto& [other, digest] : value.hashes)
    if (other == alg && digest.size() == digest_size(alg)) return &digest;
  return nullptr;
}

}  // namespace

Digest reference_digest(const ReferenceValue& value, HashAlg bank, LogKind kind, ImaExtend ima) {
  bool padded = kind == LogKind::ima && ima == ImaExtend::padded_sha1 && bank != HashAlg::sha1;
  const Digest* hash = hash_in(value, padded ? HashAlg::sha1 : bank);
  if (hash == nullptr) return {};
  if (kind == LogKind::ima && *hash == Digest::filled(padded ? HashAlg::sha1 : bank, 0xff)) return {};
  return padded ? padded_sha1(bank, hash->view()) : *hash;
}

std::uint8_t index_bits(std::size_t references) {
  return references < 3 ? std::uint8_t{1} : static_cast<std::uint8_t>(std::bit_width(references - 1));
}

RunIndex::RunIndex(ContextManifests manifests, HashAlg bank, ImaExtend ima)
    : manifests_(std::move(manifests)), bank_(bank), ima_(ima) {
  slots_ = sorted_slots(LogKind::tcg);
  if (ima == ImaExtend::padded_sha1 && bank != HashAlg::sha1) ima_slots_ = sorted_slots(LogKind::ima);
}

std::vector<RunIndex::Slot> RunIndex::sorted_slots(LogKind kind) const {
  std::vector<Slot> out;
  for (std::uint32_t m = 0; m < manifests_.size(); m++) {
    const Manifest* manifest = manifests_[m];
    if (manifest == nullptr) continue;
    for (std::uint32_t entry = 0; entry < manifest->tpm.size(); entry++) {
      const ReferenceValue* value = at({m, entry});
      Digest digest = value != nullptr ? reference_digest(*value, bank_, kind, ima_) : Digest{};
      if (!digest.empty() && value->reg < 24) out.push_back({slot_key(value->reg, digest), {m, entry}});
    }
  }
  std::ranges::stable_sort(out, {}, &Slot::key);  // stable: positions of equal values stay in manifest order
  out.shrink_to_fit();
  return out;
}

const std::vector<RunIndex::Slot>& RunIndex::slots(LogKind kind) const {
  bool padded = ima_ == ImaExtend::padded_sha1 && bank_ != HashAlg::sha1;
  return kind == LogKind::ima && padded ? ima_slots_ : slots_;
}

std::size_t RunIndex::references(std::uint32_t item) const {
  return item < manifests_.size() && manifests_[item] != nullptr ? manifests_[item]->tpm.size() : 0;
}

const ReferenceValue* RunIndex::at(RefPosition position) const {
  if (position.metadata >= manifests_.size() || manifests_[position.metadata] == nullptr) return nullptr;
  const Manifest& manifest = *manifests_[position.metadata];
  if (position.entry >= manifest.tpm.size()) return nullptr;
  std::uint32_t index = manifest.tpm[position.entry];
  return index < manifest.references.size() ? &manifest.references[index] : nullptr;
}

bool RunIndex::matches(RefPosition position, const MeasuredEvent& event) const {
  const ReferenceValue* value = at(position);
  if (value == nullptr || value->reg != event.pcr) return false;
  Digest digest = reference_digest(*value, bank_, event.kind, ima_);
  return !digest.empty() && digest == event.digest;
}

std::optional<RefPosition> RunIndex::find(const MeasuredEvent& event,
                                          const std::vector<std::uint32_t>& next) const {
  std::optional<RefPosition> first;
  std::size_t seen = 0;
  const std::vector<Slot>& all = slots(event.kind);
  const std::uint64_t key = slot_key(event.pcr, event.digest);
  for (auto slot = std::ranges::lower_bound(all, key, {}, &Slot::key); slot != all.end() && slot->key == key;
       ++slot) {
    if (++seen > kMaxCandidates) break;
    if (!matches(slot->position, event)) continue;
    if (slot->position.entry >= next[slot->position.metadata]) return slot->position;
    if (!first) first = slot->position;
  }
  return first;
}

}  // namespace attest
