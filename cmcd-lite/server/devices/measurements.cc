#include "cmcd-lite/server/devices/measurements.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <charconv>

#include "evidence/core/fd.h"

namespace attest {
namespace {

// read_counter reads securityfs' runtime_measurements_count.
std::optional<std::uint64_t> read_counter(const std::filesystem::path& path) {
  OwnedFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!fd) return std::nullopt;
  char text[32];
  ssize_t n = ::read(fd.get(), text, sizeof text);
  std::uint64_t count = 0;
  if (n <= 0 || std::from_chars(text, text + n, count).ec != std::errc()) return std::nullopt;
  return count;
}

}  // namespace

std::optional<std::uint64_t> MeasurementCount::now() const {
  if (list_.empty()) return 0;
  if (auto count = read_counter(list_.parent_path() / "runtime_measurements_count")) return count;
  struct stat info {};
  if (::stat(list_.c_str(), &info) != 0 || !S_ISREG(info.st_mode) || info.st_size == 0) return std::nullopt;
  return static_cast<std::uint64_t>(info.st_size);
}

}  // namespace attest
