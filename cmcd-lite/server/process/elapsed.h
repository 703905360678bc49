// elapsed.h: how much time has passed, for things that must not outlive their term.
#pragma once
#include <ctime>

#include <algorithm>
#include <cstdint>

namespace attest {

// Moment is one instant on the two clocks that matter: CLOCK_BOOTTIME goes on in suspend, the wall clock
// shows when a virtual machine was held or restored. Milliseconds.
struct Moment {
  std::int64_t boot_ms = 0;
  std::int64_t wall_ms = 0;
};

inline std::int64_t clock_ms(clockid_t clock) {
  timespec t{};
  clock_gettime(clock, &t);
  return std::int64_t{t.tv_sec} * 1000 + t.tv_nsec / 1000000;
}
inline Moment moment_now() { return {clock_ms(CLOCK_BOOTTIME), clock_ms(CLOCK_REALTIME)}; }

// elapsed_ms is the larger of what the two clocks say; setting one back gains nothing.
inline std::int64_t elapsed_ms(const Moment& since, const Moment& now) {
  return std::max({std::int64_t{0}, now.boot_ms - since.boot_ms, now.wall_ms - since.wall_ms});
}

}  // namespace attest
