// secret.h: key material that is wiped when it dies.
#pragma once
#include <openssl/crypto.h>

#include "evidence/core/bytes.h"

namespace attest {

// Secret owns key material: move only, wiped when it dies, never printed. reveal() is the one greppable way to
// the bytes.
class Secret {
 public:
  Secret() = default;
  explicit Secret(std::size_t n) : bytes_(n) {}
  static Secret copy_of(View v) {
    Secret s(v.size());
    std::copy(v.begin(), v.end(), s.bytes_.begin());
    return s;
  }
  Secret(Secret&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}
  Secret& operator=(Secret&& other) noexcept {
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;
  ~Secret() { OPENSSL_cleanse(bytes_.data(), bytes_.size()); }
  View reveal() const { return bytes_; }
  std::span<std::uint8_t> fill() { return bytes_; }
  bool empty() const { return bytes_.empty(); }

 private:
  Bytes bytes_;
};

// ct_equal compares in time that depends on the lengths alone.
inline bool ct_equal(View a, View b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace attest
