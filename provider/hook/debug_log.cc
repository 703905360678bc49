#include "provider/hook/debug_log.h"

#include <fcntl.h>
#include <unistd.h>

#include <exception>

#include "evidence/core/time.h"

namespace attest {

DebugLog::DebugLog(const std::string& path, int level) : level_(level) {
  if (level > 0) fd_ = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
}

DebugLog::~DebugLog() {
  if (fd_ >= 0) ::close(fd_);
}

void DebugLog::line(int level, const char* who, std::string_view text) const noexcept {
  if (!wants(level)) return;
  try {
    std::string out = format_rfc3339(wall_clock_now()) + " " + std::to_string(::getpid()) + " " + who + " ";
    out += text;
    out += '\n';
    if (::write(fd_, out.data(), out.size()) < 0) return;  // nobody to tell
  } catch (const std::exception&) {
    return;  // no memory for a debug line is no reason to fail a handshake
  }
}

}  // namespace attest
