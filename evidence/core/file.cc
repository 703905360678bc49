#include "evidence/core/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "evidence/core/fd.h"

namespace attest {
namespace {

Error io_error(const std::string& path, const char* step) {
  return {Errc::io, path + ": " + step + ": " + std::strerror(errno)};
}

bool write_all(int fd, View bytes) {
  while (!bytes.empty()) {
    ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    bytes = bytes.subspan(static_cast<std::size_t>(n));
  }
  return true;
}

}  // namespace

Result<Bytes> read_file(const std::string& path, std::size_t max_bytes) {
  OwnedFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  if (fd.get() < 0) return io_error(path, "cannot open");
  Bytes out;
  std::array<std::uint8_t, 65536> chunk;
  for (;;) {
    ssize_t n = ::read(fd.get(), chunk.data(), chunk.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return io_error(path, "cannot read");
    if (n == 0) return out;
    if (out.size() + static_cast<std::size_t>(n) > max_bytes)
      return Error{Errc::malformed, path + ": more than " + std::to_string(max_bytes) + " bytes"};
    out.insert(out.end(), chunk.begin(), chunk.begin() + n);
  }
}

Status write_file_atomic(const std::string& path, View bytes, unsigned mode) {
  std::string beside = path + ".XXXXXX";
  OwnedFd fd(::mkostemp(beside.data(), O_CLOEXEC));
  if (fd.get() < 0) return io_error(path, "cannot create a file beside it");
  const char* failed = nullptr;
  if (!write_all(fd.get(), bytes)) failed = "cannot write";
  if (failed == nullptr && ::fchmod(fd.get(), mode) != 0) failed = "cannot set the mode";
  if (failed == nullptr && (::fsync(fd.get()) != 0 || ::close(fd.release()) != 0)) failed = "cannot sync";
  if (failed == nullptr && ::rename(beside.c_str(), path.c_str()) != 0) failed = "cannot rename";
  if (failed == nullptr) return ok();
  Error error = io_error(path, failed);
  ::unlink(beside.c_str());
  return error;
}

}  // namespace attest
