#include "cmcd-lite/server/freshness/revoked_keys.h"

#include "drivers/secret_file.h"
#include "evidence/core/hex.h"

namespace attest {
namespace {

constexpr std::size_t kLine = 65;

}  // namespace

Status RevokedKeys::open(std::filesystem::path path) {
  std::lock_guard lock(mutex_);
  path_ = std::move(path);
  keys_.clear();
  auto text = read_secret_file(path_, kMaxKeys * kLine);
  if (!text && text.error().code == Errc::mismatch) return ok();  // no such file
  if (!text) return std::move(text).error();
  for (std::string_view rest = as_text(text->reveal()); !rest.empty();) {
    std::size_t end = rest.find('\n');
    auto spki = from_hex(rest.substr(0, end), 32);
    if (!spki || spki->size() != 32)
      return Error{Errc::malformed, path_.string() + ": not one SHA-256 in hex a line"};
    keys_.insert(Digest::of(*spki));
    rest.remove_prefix(end == rest.npos ? rest.size() : end + 1);
  }
  return ok();
}

bool RevokedKeys::contains(const Digest& spki) const {
  std::lock_guard lock(mutex_);
  return keys_.contains(spki);
}

Status RevokedKeys::add(const Digest& spki) {
  std::lock_guard lock(mutex_);
  if (keys_.contains(spki)) return ok();
  if (keys_.size() >= kMaxKeys) return Error{Errc::denied, path_.string() + ": is full"};
  std::string text;
  for (const Digest& key : keys_) text += to_hex(key.view()) + "\n";
  text += to_hex(spki.view()) + "\n";
  CHECK_OK(write_secret_file(path_, as_view(text)));
  keys_.insert(spki);
  return ok();
}

}  // namespace attest
