#include "apps/attestctl/progress.h"

#include <unistd.h>

#include <chrono>
#include <cstdio>

namespace attest::ctl {

Progress::Progress(std::string_view what) : what_(what) {
  if (isatty(STDERR_FILENO) == 1) thread_ = std::thread(&Progress::show, this);
}

Progress::~Progress() {
  if (!thread_.joinable()) return;
  {
    std::lock_guard lock(mutex_);
    finished_ = true;
  }
  done_.notify_one();
  thread_.join();
}

void Progress::show() {
  constexpr int kQuietSeconds = 2;
  std::unique_lock lock(mutex_);
  int seconds = 0;
  while (!done_.wait_for(lock, std::chrono::seconds(1), [this] { return finished_; })) {
    if (++seconds < kQuietSeconds) continue;
    std::fprintf(stderr, "\r%s ... %d s", what_.c_str(), seconds);
  }
  if (seconds >= kQuietSeconds) std::fprintf(stderr, "\r\033[K");
}

}  // namespace attest::ctl
