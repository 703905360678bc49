// batch_sizes.h: how many handshakes each quote answered.
#pragma once
#include <array>
#include <bit>
#include <cstdint>

#include "evidence/native/merkle.h"

namespace attest {

// BatchSizes counts quotes by their number of handshakes: 1, up to 2, up to 4, … up to kMaxBatch. Quotes that answered
// nobody at once (for an Epoch ID) are left out. Not thread safe.
class BatchSizes {
 public:
  static constexpr std::size_t kClasses = std::bit_width(kMaxBatch - 1U) + 1;
  using Counts = std::array<std::uint64_t, kClasses>;
  void add(std::size_t jobs) {
    if (jobs == 0) return;
    auto c = static_cast<std::size_t>(std::bit_width(jobs - 1));
    counts_[c < kClasses ? c : kClasses - 1]++;
  }
  const Counts& counts() const { return counts_; }

 private:
  Counts counts_{};
};

}  // namespace attest
