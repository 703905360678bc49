#include "drivers/secret_file.h"

#include <fcntl.h>
#include <openssl/rand.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "evidence/core/crypto.h"
#include "evidence/core/fd.h"
#include "evidence/core/file.h"

namespace attest {
namespace {

Error failed(const std::filesystem::path& path, const char* step) {
  return {Errc::io, path.string() + ": " + step + ": " + std::strerror(errno)};
}

Status check_owner(const std::filesystem::path& path, const struct stat& info) {
  if (!S_ISREG(info.st_mode)) return Error{Errc::denied, path.string() + ": not a regular file"};
  if (info.st_uid != geteuid())
    return Error{Errc::denied, path.string() + ": belongs to uid " + std::to_string(info.st_uid) +
                                   "; remedy: chown it to the daemon's user"};
  if ((info.st_mode & 077) != 0)
    return Error{Errc::denied, path.string() +
                                   ": others may read it; remedy: chmod 600, and make a new key if "
                                   "anybody could have read this one"};
  return ok();
}

// make_folder makes what is missing of a path, for our user alone.
Status make_folder(const std::filesystem::path& folder) {
  if (::mkdir(folder.c_str(), 0700) == 0 || errno == EEXIST) return ok();
  if (errno != ENOENT || !folder.has_parent_path() || folder.parent_path() == folder)
    return failed(folder, "mkdir");
  CHECK_OK(make_folder(folder.parent_path()));
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) return failed(folder, "mkdir");
  return ok();
}

}  // namespace

Result<Secret> read_secret_file(const std::filesystem::path& path, std::size_t max_bytes) {
  OwnedFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (fd.get() < 0 && errno == ENOENT) return Error{Errc::mismatch, path.string() + ": no such file"};
  if (fd.get() < 0 && errno == ELOOP) return Error{Errc::denied, path.string() + ": is a symbolic link"};
  if (fd.get() < 0) return failed(path, "open");
  struct stat info {};
  if (fstat(fd.get(), &info) != 0) return failed(path, "fstat");
  CHECK_OK(check_owner(path, info));
  auto size = static_cast<std::size_t>(info.st_size);
  if (size > max_bytes) return Error{Errc::malformed, path.string() + ": longer than a key can be"};
  Secret secret(size);
  for (std::size_t at = 0; at < size;) {
    ssize_t n = ::read(fd.get(), secret.fill().data() + at, size - at);
    if (n <= 0) return failed(path, "read");
    at += static_cast<std::size_t>(n);
  }
  return secret;
}

Status write_secret_file(const std::filesystem::path& path, View bytes) {
  CHECK_OK(make_folder(path.parent_path()));
  return write_file_atomic(path, bytes, 0600);
}

Result<Secret> random_secret(std::size_t n) {
  Secret secret(n);
  if (RAND_priv_bytes_ex(private_libctx(), secret.fill().data(), n, 0) != 1)
    return Error{Errc::io, "random generator failed"};
  return secret;
}

}  // namespace attest
