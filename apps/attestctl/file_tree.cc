#include "apps/attestctl/file_tree.h"

#include <fcntl.h>
#include <sys/xattr.h>

#include <algorithm>
#include <filesystem>

#include "evidence/core/fd.h"
#include "evidence/core/owned.h"

namespace attest::ctl {
namespace {

namespace fs = std::filesystem;
constexpr std::uint8_t kSignature = 3;  // EVM_IMA_XATTR_DIGSIG

Error cannot_read(const std::string& path) { return {Errc::io, path + ": cannot be read"}; }

}  // namespace

Result<std::vector<TreeFile>> files_of(const std::string& folder) {
  std::vector<TreeFile> out;
  std::error_code failed;
  fs::recursive_directory_iterator it(folder, failed), end;
  for (; !failed && it != end; it.increment(failed)) {
    std::error_code gone;
    if (it->symlink_status(gone).type() != fs::file_type::regular) continue;
    out.push_back({it->path().string(), "/" + it->path().lexically_relative(folder).string()});
  }
  if (failed) return Error{Errc::io, folder + ": " + failed.message()};
  std::ranges::sort(out, {}, &TreeFile::name);
  return out;
}

Result<Digest> hash_file(const std::string& path, HashAlg alg) {
  OwnedFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  OwnedMdCtx ctx(EVP_MD_CTX_new());
  if (!fd || !ctx || EVP_DigestInit_ex2(ctx.get(), evp_md(alg), nullptr) != 1) return cannot_read(path);
  Bytes piece(1 << 20);
  ssize_t n = 0;
  while ((n = ::read(fd.get(), piece.data(), piece.size())) > 0)
    if (EVP_DigestUpdate(ctx.get(), piece.data(), static_cast<std::size_t>(n)) != 1) return cannot_read(path);
  Digest digest = Digest::filled(alg, 0);
  if (n < 0 || EVP_DigestFinal_ex(ctx.get(), digest.data(), nullptr) != 1) return cannot_read(path);
  return digest;
}

Bytes ima_signature_of(const std::string& path) {
  Bytes value(4096);
  ssize_t n = ::lgetxattr(path.c_str(), "security.ima", value.data(), value.size());
  if (n <= 0 || value[0] != kSignature) return {};
  value.resize(static_cast<std::size_t>(n));
  return value;
}

}  // namespace attest::ctl
