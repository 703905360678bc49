// cpu_time.h: how long something takes, without the noise of a busy machine.
#pragma once
#include <algorithm>
#include <ctime>

namespace attest::test {

// kInstrumented: a sanitizer or an unoptimised build makes times meaningless.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || !defined(__OPTIMIZE__)
constexpr bool kInstrumented = true;
#else
constexpr bool kInstrumented = false;
#endif

// cpu_ms is the processor time of the fastest of three runs, in milliseconds.
template <class F>
double cpu_ms(F&& work) {
  double best = 0;
  for (int run = 0; run < 3; run++) {
    std::clock_t start = std::clock();
    work();
    double ms = 1e3 * static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
    best = run == 0 ? ms : std::min(best, ms);
  }
  return best;
}

}  // namespace attest::test
