// merkle.h: one quote for many handshakes (docs/PROTOCOL.md, "Batches").
#pragma once
#include "evidence/core/hash.h"

namespace attest {

inline constexpr std::uint32_t kMaxBatch = 4096;

// MerklePath leads from one leaf to the root of a batch. Siblings stand from the leaf upwards; a node without a
// sibling moves up unchanged.
struct MerklePath {
  std::uint32_t index = 0;
  std::uint32_t count = 1;
  std::vector<Digest> siblings;
};

// MerkleTree holds the batch whose leaves are evidence hashes. Leaf: H(0x00 || evidence); node: H(0x01 || l || r).
class MerkleTree {
 public:
  // make fails for an empty batch, one above kMaxBatch, or a leaf that is not 32 bytes.
  static Result<MerkleTree> make(const std::vector<Digest>& evidence_hashes);
  const Digest& root() const { return levels_.back().front(); }
  MerklePath path(std::uint32_t index) const;

 private:
  std::vector<std::vector<Digest>> levels_;
};

// merkle_root walks a path; malformed if index, count and number of siblings do not belong together.
Result<Digest> merkle_root(const Digest& evidence_hash, const MerklePath& path);

// batch_qualifying_data = SHA-256("attest/1 batch" || root): qualifyingData of the quote.
Digest batch_qualifying_data(const Digest& root);

}  // namespace attest
