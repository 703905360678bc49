// p256.h: keys that sign for a short time: ECDSA on P-256 with SHA-256, signatures in DER.
#pragma once
#include "evidence/core/hash.h"
#include "evidence/core/owned.h"

namespace attest {

inline constexpr std::size_t kMaxP256Signature = 80;

// read_p256 takes a SubjectPublicKeyInfo in its one canonical form (named curve, uncompressed point, 91
// bytes); malformed for every other form, curve, or a point off the curve.
Result<OwnedPkey> read_p256(View spki_der);
// write_p256 is that form of a key; malformed if it is not on P-256.
Result<Bytes> write_p256(const EVP_PKEY* key);

// sign_p256 signs the message parts one after the other; io if OpenSSL fails.
Result<Bytes> sign_p256(EVP_PKEY* key, std::initializer_list<View> parts);
// verify_p256: untrusted if the signature is not by this key over these parts.
Status verify_p256(EVP_PKEY* key, std::initializer_list<View> parts, View signature);

// P256Key is a private key of this process. Its secret lies in OpenSSL's secure heap where the process made
// one (locked, kept out of core dumps) and is wiped when the last holder lets go. Signing is thread safe.
class P256Key {
 public:
  // make draws a fresh key; io without random bytes or locked memory.
  static Result<P256Key> make();
  const Bytes& spki_der() const { return spki_der_; }
  // name is SHA-256 of the SPKI: what a report context calls the key.
  const Digest& name() const { return name_; }
  Result<Bytes> sign(std::initializer_list<View> parts) const { return sign_p256(key_.get(), parts); }

 private:
  P256Key(OwnedPkey key, Bytes spki)
      : key_(std::move(key)), spki_der_(std::move(spki)), name_(sha256(View(spki_der_))) {}
  OwnedPkey key_;
  Bytes spki_der_;
  Digest name_;
};

}  // namespace attest
