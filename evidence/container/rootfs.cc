#include "evidence/container/rootfs.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>

#include "evidence/core/crypto.h"
#include "evidence/core/fd.h"

namespace attest::container {
namespace {

constexpr std::size_t kBlock = 512, kPiece = 1 << 20, kMaxCapability = 4096;

struct CloseFolder {
  void operator()(DIR* folder) const { closedir(folder); }
};

Error failed(const std::string& path, const char* what) {
  return {Errc::io, "rootfs: " + path + ": " + what + ": " + std::strerror(errno)};
}

// Archive is the tar stream, of which only the digest stays.
class Archive {
 public:
  static Result<Archive> make() {
    Archive out;
    out.hash_.reset(EVP_MD_CTX_new());
    if (!out.hash_ || EVP_DigestInit_ex(out.hash_.get(), evp_md(HashAlg::sha256), nullptr) != 1)
      return Error{Errc::io, "rootfs: no SHA-256"};
    return out;
  }
  void add(View bytes) {
    good_ = good_ && EVP_DigestUpdate(hash_.get(), bytes.data(), bytes.size()) == 1;
    size_ += bytes.size();
  }
  void pad() {
    static constexpr std::uint8_t kZeros[kBlock] = {};
    if (size_ % kBlock != 0) add(View(kZeros, kBlock - size_ % kBlock));
  }
  Result<Digest> finish() {
    add(Bytes(2 * kBlock));
    std::uint8_t out[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    if (!good_ || EVP_DigestFinal_ex(hash_.get(), out, &n) != 1) return Error{Errc::io, "rootfs: hashing failed"};
    return Digest::of(View(out, n));
  }

 private:
  OwnedMdCtx hash_;
  std::uint64_t size_ = 0;
  bool good_ = true;
};

class Walk {
 public:
  Walk(Archive& archive, const RootfsLimits& limits, dev_t device) : archive_(archive), limits_(limits), device_(device), left_(limits.bytes) {}
  Status folder(OwnedFd fd, const std::string& path, std::size_t depth);

 private:
  Status entry(int parent, const std::string& name, const std::string& path, std::size_t depth);
  Result<struct stat> look(int parent, const std::string& name, const std::string& path);
  Status file(int fd, const std::string& path, std::uint64_t size);
  Archive& archive_;
  const RootfsLimits& limits_;
  dev_t device_;
  std::uint64_t left_;
  std::size_t seen_ = 0;
  std::map<ino_t, std::string> linked_;  // files with several names, by the first of them
};

Result<std::vector<std::string>> names_in(int fd, const std::string& path, std::size_t max) {
  int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  std::unique_ptr<DIR, CloseFolder> folder(copy < 0 ? nullptr : fdopendir(copy));
  if (!folder) {
    if (copy >= 0) ::close(copy);
    return failed(path, "cannot be listed");
  }
  std::vector<std::string> names;
  errno = 0;
  while (const dirent* entry = readdir(folder.get())) {
    std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(std::move(name));
    if (names.size() > max) return Error{Errc::malformed, "rootfs: too many files"};
    errno = 0;
  }
  if (errno != 0) return failed(path, "cannot be listed");
  std::ranges::sort(names);
  return names;
}

char type_of(const struct stat& info) {
  switch (info.st_mode & S_IFMT) {
    case S_IFREG: return '0';
    case S_IFLNK: return '2';
    case S_IFCHR: return '3';
    case S_IFBLK: return '4';
    case S_IFDIR: return '5';
    case S_IFIFO: return '6';
    default: return 0;  // a socket
  }
}

Result<std::string> link_target(int parent, const std::string& name, const std::string& path) {
  std::string target(PATH_MAX, '\0');
  ssize_t n = readlinkat(parent, name.c_str(), target.data(), target.size());
  if (n < 0 || static_cast<std::size_t>(n) == target.size()) return failed(path, "its target cannot be read");
  target.resize(static_cast<std::size_t>(n));
  return target;
}

Result<Bytes> capability_of(int fd, const std::string& path) {
  Bytes value(kMaxCapability);
  ssize_t n = fgetxattr(fd, "security.capability", value.data(), value.size());
  if (n < 0 && errno != ENODATA && errno != ENOTSUP) return failed(path, "security.capability cannot be read");
  value.resize(static_cast<std::size_t>(std::max<ssize_t>(n, 0)));
  return value;
}

Status Walk::file(int fd, const std::string& path, std::uint64_t size) {
  if (size > left_) return Error{Errc::malformed, "rootfs: " + path + ": more bytes than the limit"};
  left_ -= size;
  Bytes piece(kPiece);
  std::uint64_t read = 0;
  for (;;) {
    ssize_t n = ::read(fd, piece.data(), piece.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return failed(path, "cannot be read");
    if (n == 0) break;
    read += static_cast<std::uint64_t>(n);
    if (read > size) break;
    archive_.add(View(piece).first(static_cast<std::size_t>(n)));
  }
  if (read != size) return Error{Errc::io, "rootfs: " + path + ": changed while it was read"};
  archive_.pad();
  return ok();
}

Result<struct stat> Walk::look(int parent, const std::string& name, const std::string& path) {
  struct stat info {};
  if (fstatat(parent, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) return failed(path, "cannot be looked at");
  if (info.st_dev != device_) return Error{Errc::denied, "rootfs: " + path + ": another file system is mounted there"};
  return info;
}

TarEntry describe(const struct stat& info, const std::string& path) {
  TarEntry out;
  out.type = type_of(info);
  out.path = out.type == '5' ? path + "/" : path;
  out.mode = info.st_mode & 07777;
  out.uid = info.st_uid;
  out.gid = info.st_gid;
  if (out.type == '3' || out.type == '4') {
    out.major = major(info.st_rdev);
    out.minor = minor(info.st_rdev);
  }
  if (out.type == '0') out.size = static_cast<std::uint64_t>(info.st_size);
  return out;
}

// open_same opens what was looked at, and nothing that took its place since.
Result<OwnedFd> open_same(int parent, const std::string& name, const std::string& path, const struct stat& info) {
  int only = S_ISDIR(info.st_mode) ? O_DIRECTORY : 0;
  OwnedFd fd(openat(parent, name.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | only));
  struct stat opened {};
  if (!fd || fstat(fd.get(), &opened) != 0) return failed(path, "cannot be opened");
  if (opened.st_ino == info.st_ino && opened.st_dev == info.st_dev) return fd;
  return Error{Errc::io, "rootfs: " + path + ": changed while it was read"};
}

Status Walk::entry(int parent, const std::string& name, const std::string& path, std::size_t depth) {
  if (++seen_ > limits_.entries || depth > limits_.depth)
    return Error{Errc::malformed, "rootfs: " + path + ": more entries or levels than the limit"};
  TRY(struct stat info, look(parent, name, path));
  if (type_of(info) == 0) return ok();  // a socket has no place in an archive, and nothing in it
  TarEntry out = describe(info, path);
  OwnedFd fd;
  if (out.type == '2') {
    TRY(out.link, link_target(parent, name, path));
  }
  if (out.type == '0' || out.type == '5') {
    TRY(fd, open_same(parent, name, path, info));
    TRY(out.capability, capability_of(fd.get(), path));
  }
  if (out.type != '5' && info.st_nlink > 1) {
    auto [first, fresh] = linked_.emplace(info.st_ino, path);
    if (!fresh) {
      out.type = '1';
      out.link = first->second;
      out.size = 0;
    }
  }
  archive_.add(tar_header(out));
  if (out.type == '0') return file(fd.get(), path, out.size);
  return out.type == '5' ? folder(std::move(fd), path + "/", depth + 1) : ok();
}

Status Walk::folder(OwnedFd fd, const std::string& path, std::size_t depth) {
  TRY(std::vector<std::string> names, names_in(fd.get(), path, limits_.entries));
  for (const std::string& name : names) CHECK_OK(entry(fd.get(), name, path + name, depth));
  return ok();
}

}  // namespace

Result<Digest> rootfs_digest(const std::string& folder, const RootfsLimits& limits) {
  OwnedFd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  struct stat info {};
  if (!fd || fstat(fd.get(), &info) != 0) return failed(folder, "cannot be opened");
  TRY(Archive archive, Archive::make());
  Walk walk(archive, limits, info.st_dev);
  CHECK_OK(walk.folder(std::move(fd), "", 0));
  return archive.finish();
}

}  // namespace attest::container
