#include "cmcd-lite/server/verdicts/audit.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>

namespace attest {
namespace {

// id_in_tail reads the number of the last whole record in the file.
std::uint64_t id_in_tail(int fd) {
  struct stat info {};
  if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) return 0;
  std::string tail(static_cast<std::size_t>(std::min<off_t>(info.st_size, 1 << 20)), '\0');
  ssize_t n = pread(fd, tail.data(), tail.size(), info.st_size - static_cast<off_t>(tail.size()));
  if (n != static_cast<ssize_t>(tail.size())) return 0;
  constexpr std::string_view kStart = "{\"id\":";
  for (std::size_t at = tail.rfind(kStart); at != std::string::npos;
       at = at == 0 ? std::string::npos : tail.rfind(kStart, at - 1)) {
    if (at != 0 && tail[at - 1] != '\n') continue;  // inside another record
    std::uint64_t id = 0;
    const char* end = tail.data() + tail.size();
    if (std::from_chars(tail.data() + at + kStart.size(), end, id).ec == std::errc()) return id;
  }
  return 0;
}

}  // namespace

Audit::~Audit() {
  if (fd_ >= 0) ::close(fd_);
}

Status Audit::reopen() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = path_.empty()
            ? -1
            : ::open(path_.c_str(), O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
  torn_ = false;
  if (fd_ >= 0 || path_.empty()) return ok();
  return Error{Errc::io, "audit.lost: " + path_.string() + ": " + std::strerror(errno)};
}

Status Audit::open(const std::filesystem::path& path) {
  std::lock_guard lock(mutex_);
  path_ = path;
  CHECK_OK(reopen());
  if (fd_ >= 0) last_id_ = std::max(last_id_, id_in_tail(fd_));
  return ok();
}

void Audit::write(std::string_view line) {
  std::lock_guard lock(mutex_);
  if (path_.empty()) return;
  if (fd_ < 0) static_cast<void>(reopen());
  std::string text = torn_ ? "\n" : "";
  text.append(line).append("\n");
  errno = ENOSPC;  // of a short write
  ssize_t n = fd_ < 0 ? -1 : ::write(fd_, text.data(), text.size());
  if (n == static_cast<ssize_t>(text.size())) {
    torn_ = false;
    health_.problem.clear();
    return;
  }
  health_.problem = std::strerror(errno);
  health_.lost++;
  torn_ = torn_ || n > 0;
}

std::uint64_t Audit::last_id() const {
  std::lock_guard lock(mutex_);
  return last_id_;
}

Audit::Health Audit::health() const {
  std::lock_guard lock(mutex_);
  return health_;
}

}  // namespace attest
