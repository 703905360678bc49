#include "evidence/native/merkle.h"

namespace attest {
namespace {

constexpr std::uint8_t kLeaf[] = {0x00};
constexpr std::uint8_t kNode[] = {0x01};

Digest leaf_of(const Digest& evidence_hash) { return sha256({View(kLeaf), evidence_hash.view()}); }
Digest node_of(const Digest& left, const Digest& right) { return sha256({View(kNode), left.view(), right.view()}); }

}  // namespace

Result<MerkleTree> MerkleTree::make(const std::vector<Digest>& evidence_hashes) {
  if (evidence_hashes.empty() || evidence_hashes.size() > kMaxBatch)
    return Error{Errc::denied, "batch of " + std::to_string(evidence_hashes.size()) + " handshakes"};
  MerkleTree tree;
  auto& leaves = tree.levels_.emplace_back();
  for (const Digest& hash : evidence_hashes) {
    if (hash.size() != 32) return Error{Errc::malformed, "batch: evidence hash is not 32 bytes"};
    leaves.push_back(leaf_of(hash));
  }
  while (tree.levels_.back().size() > 1) {
    const auto& below = tree.levels_.back();
    std::vector<Digest> level;
    for (std::size_t i = 0; i < below.size(); i += 2)
      level.push_back(i + 1 < below.size() ? node_of(below[i], below[i + 1]) : below[i]);
    tree.levels_.push_back(std::move(level));
  }
  if (tree.root().size() != 32) return Error{Errc::io, "batch: hashing failed"};
  return tree;
}

MerklePath MerkleTree::path(std::uint32_t index) const {
  MerklePath out;
  out.index = index;
  out.count = static_cast<std::uint32_t>(levels_.front().size());
  for (std::size_t level = 0; level + 1 < levels_.size(); level++) {
    std::size_t sibling = index ^ 1;
    if (sibling < levels_[level].size()) out.siblings.push_back(levels_[level][sibling]);
    index /= 2;
  }
  return out;
}

Result<Digest> merkle_root(const Digest& evidence_hash, const MerklePath& path) {
  if (path.count == 0 || path.count > kMaxBatch || path.index >= path.count || evidence_hash.size() != 32)
    return Error{Errc::malformed, "batch path: leaf " + std::to_string(path.index) + " of " + std::to_string(path.count)};
  Digest value = leaf_of(evidence_hash);
  std::size_t used = 0;
  std::uint32_t index = path.index;
  for (std::uint32_t width = path.count; width > 1; width = (width + 1) / 2, index /= 2) {
    if ((index ^ 1) >= width) continue;  // no sibling: the node moves up unchanged
    if (used == path.siblings.size() || path.siblings[used].size() != 32)
      return Error{Errc::malformed, "batch path: too short"};
    const Digest& sibling = path.siblings[used++];
    value = index % 2 == 0 ? node_of(value, sibling) : node_of(sibling, value);
  }
  if (used != path.siblings.size()) return Error{Errc::malformed, "batch path: too long"};
  return value;
}

Digest batch_qualifying_data(const Digest& root) { return sha256({as_view("attest/1 batch"), root.view()}); }

}  // namespace attest
