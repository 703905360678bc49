// files.cc: configfs-tsm as the kernel offers it.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "drivers/tsm/report.h"
#include "evidence/core/fd.h"

namespace attest {
namespace {

OwnedFd open_file(const std::filesystem::path& path, int flags) { return OwnedFd(open(path.c_str(), flags | O_CLOEXEC)); }

class PosixTsmFiles : public TsmFiles {
 public:
  int make_dir(const std::filesystem::path& path) override { return mkdir(path.c_str(), 0700) == 0 ? 0 : errno; }
  int remove_dir(const std::filesystem::path& path) override { return rmdir(path.c_str()) == 0 ? 0 : errno; }
  int write(const std::filesystem::path& path, View bytes) override {
    OwnedFd file = open_file(path, O_WRONLY);
    if (!file) return errno;
    ssize_t n = ::write(file.get(), bytes.data(), bytes.size());
    if (n < 0) return errno;
    if (static_cast<std::size_t>(n) != bytes.size()) return EIO;
    return close(file.release()) == 0 ? 0 : errno;  // what the kernel made of it
  }
  Content read(const std::filesystem::path& path) override {
    OwnedFd file = open_file(path, O_RDONLY);
    if (!file) return {errno, {}};
    Content out;
    for (;;) {
      std::array<std::uint8_t, 16384> part;
      ssize_t n = ::read(file.get(), part.data(), part.size());
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
