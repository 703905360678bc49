// hash.h: digests over EVP, fetched once.
#pragma once
#include <openssl/evp.h>

#include <compare>
#include <initializer_list>
#include <optional>

#include "evidence/core/bytes.h"
#include "evidence/core/owned.h"

namespace attest {

// HashAlg carries the TPM_ALG_ID of each hash (TCG Algorithm Registry), so it can be compared with PCR banks.
enum class HashAlg : std::uint16_t { sha1 = 0x0004, sha256 = 0x000b, sha384 = 0x000c, sha512 = 0x000d };

constexpr std::size_t digest_size(HashAlg alg) {
  return alg == HashAlg::sha1 ? 20 : alg == HashAlg::sha256 ? 32 : alg == HashAlg::sha384 ? 48 : 64;
}
// hash_alg_from_id maps a TPM_ALG_ID; nullopt for hashes we do not compute (sm3, sha3).
std::optional<HashAlg> hash_alg_from_id(std::uint16_t tpm_alg_id);
// hash_alg_from_name maps "SHA-256", "sha256", "SHA256" and the like; nullopt if unknown.
std::optional<HashAlg> hash_alg_from_name(std::string_view name);
// hash_alg_name is the lower-case short name, "sha256".
const char* hash_alg_name(HashAlg alg);

// Digest is a hash value of up to 64 bytes, kept in place.
class Digest {
 public:
  Digest() = default;
  // of copies at most 64 bytes; a longer view gives an empty digest.
  static Digest of(View bytes);
  static Digest filled(HashAlg alg, std::uint8_t value);
  View view() const { return {bytes_.data(), size_}; }
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  std::uint8_t* data() { return bytes_.data(); }
  void resize(std::size_t n) { size_ = static_cast<std::uint8_t>(n <= 64 ? n : 0); }
  bool operator==(const Digest& o) const { return equal(view(), o.view()); }

 private:
  std::array<std::uint8_t, 64> bytes_{};
  std::uint8_t size_ = 0;
};

struct DigestHash {  // for unordered maps: digests are already uniform
  std::size_t operator()(const Digest& d) const {
    std::size_t h = 0;
    std::memcpy(&h, d.view().data(), std::min(sizeof h, d.size()));
    return h;
  }
};

// Hasher computes many digests of one algorithm with one context. Not thread safe: one per thread.
class Hasher {
 public:
  // make fails with Errc::io if the algorithm cannot be fetched.
  static Result<Hasher> make(HashAlg alg);
  // of hashes the concatenation of parts; an empty digest means that OpenSSL failed (out of memory).
  Digest of(std::initializer_list<View> parts);
  // extend is one PCR extend: H(value || digest).
  Digest extend(const Digest& value, View digest) { return of({value.view(), digest}); }
  HashAlg alg() const { return alg_; }

 private:
  Hasher(HashAlg alg, OwnedMdCtx ctx) : alg_(alg), ctx_(std::move(ctx)) {}
  HashAlg alg_;
  OwnedMdCtx ctx_;
};

// sha256 of the concatenation of parts. Aborts the computation with an empty digest if OpenSSL fails.
Digest sha256(std::initializer_list<View> parts);
inline Digest sha256(View bytes) { return sha256({bytes}); }
// hash_of is the same for any algorithm.
Digest hash_of(HashAlg alg, std::initializer_list<View> parts);

// evp_md lends the fetched EVP_MD of our own library context; nullptr if it cannot be fetched.
const EVP_MD* evp_md(HashAlg alg);

}  // namespace attest
