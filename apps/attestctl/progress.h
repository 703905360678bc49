// progress.h: a line on the terminal for whoever waits longer than two seconds.
#pragma once
#include <condition_variable>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

namespace attest::ctl {

// Progress shows `what` with the seconds passed on stderr, from the second second until it dies. Nothing is
// shown where stderr is no terminal.
class Progress {
 public:
  explicit Progress(std::string_view what);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

 private:
  void show();
  std::string what_;
  std::mutex mutex_;
  std::condition_variable done_;
  bool finished_ = false;
  std::thread thread_;
};

}  // namespace attest::ctl
