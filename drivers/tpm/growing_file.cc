#include "drivers/tpm/growing_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace attest {
namespace {

constexpr std::size_t kTail = 64;
constexpr std::size_t kChunk = 64 << 10;

}  // namespace

Error GrowingFile::failed(const char* step) const {
  return {Errc::io, path_ + ": " + step + ": " + std::strerror(errno)};
}

// continues: the path still names the file that is open, and what was read before is still in it.
Result<bool> GrowingFile::continues() const {
  if (!file_) return false;
  struct stat named {
  }, opened{};
  if (stat(path_.c_str(), &named) != 0) return failed("stat");
  if (fstat(file_.get(), &opened) != 0) return failed("fstat");
  if (named.st_dev != opened.st_dev || named.st_ino != opened.st_ino) return false;
  if (pseudo_) return true;
  if (static_cast<std::size_t>(opened.st_size) < offset_) return false;
  Bytes now(tail_.size());
  ssize_t n = pread(file_.get(), now.data(), now.size(), static_cast<off_t>(offset_ - tail_.size()));
  return n == static_cast<ssize_t>(now.size()) && now == tail_;
}

Result<Bytes> GrowingFile::read_on() {
  Bytes out;
  for (;;) {
    std::size_t at = out.size();
    out.resize(at + kChunk);
    ssize_t n = ::read(file_.get(), out.data() + at, kChunk);
    if (n < 0 && errno == EINTR)
      n = 0;
    else if (n < 0)
      return failed("read");
    else if (n == 0)
      return out.resize(at), out;
    out.resize(at + static_cast<std::size_t>(n));
    if (offset_ + out.size() > max_bytes_)
      return Error{Errc::malformed, path_ + ": longer than " + std::to_string(max_bytes_) + " bytes"};
  }
}

Result<GrowingFile::Piece> GrowingFile::read() {
  Piece piece;
  TRY(bool goes_on, continues());
  piece.restarted = !goes_on;
  if (!goes_on) {
    file_ = OwnedFd(::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
    if (!file_) return failed("open");
    offset_ = 0;
    tail_.clear();
  }
  TRY(piece.bytes, read_on());
  struct stat info {};
  if (fstat(file_.get(), &info) != 0) return failed("fstat");
  offset_ += piece.bytes.size();
  pseudo_ = static_cast<std::size_t>(info.st_size) < offset_;
  tail_.insert(tail_.end(),
               piece.bytes.end() - static_cast<std::ptrdiff_t>(std::min(kTail, piece.bytes.size())),
               piece.bytes.end());
  if (tail_.size() > kTail) tail_.erase(tail_.begin(), tail_.end() - kTail);
  return piece;
}

}  // namespace attest
