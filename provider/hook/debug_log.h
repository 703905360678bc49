// debug_log.h: what the hook does, line by line, where an administrator asked for it (attest-debug).
#pragma once
#include <string>
#include <string_view>

namespace attest {

// DebugLog appends to one file, opened at load (workers change their user and root later). Each line is one
// write, so that processes may share the file. It is silent unless asked; a file that cannot be opened leaves
// it silent.
class DebugLog {
 public:
  DebugLog() = default;
  DebugLog(const std::string& path, int level);
  DebugLog(const DebugLog&) = delete;
  DebugLog& operator=(const DebugLog&) = delete;
  ~DebugLog();
  bool wants(int level) const { return fd_ >= 0 && level <= level_; }
  // line writes "time pid who text". Level 1: refusals and failures; 2: verdicts; 3: every step.
  void line(int level, const char* who, std::string_view text) const noexcept;

 private:
  int fd_ = -1;
  int level_ = 0;
};

}  // namespace attest
