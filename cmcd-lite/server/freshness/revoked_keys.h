// revoked_keys.h: TLS keys this machine never uses again, wherever a copy of them turns up.
#pragma once
#include <filesystem>
#include <mutex>
#include <unordered_set>

#include "evidence/core/hash.h"

namespace attest {

// RevokedKeys keeps the SHA-256 of each key's SPKI, one hexadecimal line each, in a file beside the keys. A
// wrapped key of the TPM is a file, and files are copied: destroying ours is not enough. Thread safe.
class RevokedKeys {
 public:
  static constexpr std::size_t kMaxKeys = 16384;
  // open reads the list; an absent file is an empty list, anything unreadable in it an error.
  Status open(std::filesystem::path path);
  bool contains(const Digest& spki) const;
  // add writes the list anew before it returns; denied once it is full.
  Status add(const Digest& spki);

 private:
  mutable std::mutex mutex_;
  std::filesystem::path path_;
  std::unordered_set<Digest, DigestHash> keys_;
};

}  // namespace attest
