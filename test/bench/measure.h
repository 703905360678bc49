// measure.h: what benchmarks of one program measure with.
#pragma once
#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

namespace attest::bench {

// median of no values is -1.
inline double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values.empty() ? -1 : values[values.size() / 2];
}

// peak_mib is the peak of resident memory since forget_peak, from the kernel.
inline void forget_peak() { std::ofstream("/proc/self/clear_refs") << "5"; }
inline double peak_mib() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("VmHWM:")) return std::atof(line.c_str() + 6) / 1024;
  return 0;
}

}  // namespace attest::bench
