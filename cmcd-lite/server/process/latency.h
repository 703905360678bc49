// latency.h: how long something took lately.
#pragma once
#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace attest {

// Latency keeps the last 256 durations. Not thread safe.
class Latency {
 public:
  struct Summary {
    double p50_ms = 0;
    double p99_ms = 0;
  };
  void add(std::chrono::steady_clock::duration took) {
    ring_[at_++ % ring_.size()] = static_cast<float>(std::chrono::duration<double, std::milli>(took).count());
  }
  Summary summary() const {
    std::size_t n = std::min(at_, ring_.size());
    if (n == 0) return {};
    auto sorted = ring_;
    std::sort(sorted.begin(), sorted.begin() + static_cast<std::ptrdiff_t>(n));
    return {static_cast<double>(sorted[n / 2]), static_cast<double>(sorted[n * 99 / 100])};
  }

 private:
  std::array<float, 256> ring_{};
  std::size_t at_ = 0;
};

}  // namespace attest
