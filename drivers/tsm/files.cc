// files.cc: configfs-tsm as the kernel offers it.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "drivers/tsm/report.h"

namespace attest {
namespace {

class File {
 public:
  File(const std::filesystem::path& path, int flags) : fd_(open(path.c_str(), flags | O_CLOEXEC)) {}
  ~File() {
    if (fd_ >= 0) close(fd_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  int fd() const { return fd_; }
  // finish closes and says what the kernel made of it.
  int finish() {
    int fd = fd_;
    fd_ = -1;
    return close(fd) == 0 ? 0 : errno;
  }

 private:
  int fd_;
};

class PosixTsmFiles : public TsmFiles {
 public:
  int make_dir(const std::filesystem::path& path) override { return mkdir(path.c_str(), 0700) == 0 ? 0 : errno; }
  int remove_dir(const std::filesystem::path& path) override { return rmdir(path.c_str()) == 0 ? 0 : errno; }
  int write(const std::filesystem::path& path, View bytes) override {
    File file(path, O_WRONLY);
    if (file.fd() < 0) return errno;
    ssize_t n = ::write(file.fd(), bytes.data(), bytes.size());
    if (n < 0) return errno;
    if (static_cast<std::size_t>(n) != bytes.size()) return EIO;
    return file.finish();
  }
  Content read(const std::filesystem::path& path) override {
    File file(path, O_RDONLY);
    if (file.fd() < 0) return {errno, {}};
    Content out;
    for (;;) {
      std::array<std::uint8_t, 16384> part;
      ssize_t n = ::read(file.fd(), part.data(), part.size());
      if (n < 0) return {errno, {}};
      if (n == 0) return out;
      if (out.bytes.size() + static_cast<std::size_t>(n) > kMaxTsmBlob) return {EFBIG, {}};
      out.bytes.insert(out.bytes.end(), part.begin(), part.begin() + n);
    }
  }
};

}  // namespace

std::shared_ptr<TsmFiles> posix_tsm_files() { return std::make_shared<PosixTsmFiles>(); }

}  // namespace attest
