// p256.h: ECDSA on P-256 with SHA-256, the one scheme of Intel's quotes, certificates and collateral.
#pragma once
#include "evidence/core/hash.h"
#include "evidence/core/owned.h"

namespace attest {

// P256PublicKey verifies. Immutable; may be shared between threads.
class P256PublicKey {
 public:
  // make takes x || y, 64 bytes; untrusted if that is not a point of the curve.
  static Result<P256PublicKey> make(View point);
  // verify_raw checks r || s (64 bytes), as quotes and collateral carry it; verify_der an ECDSA-Sig-Value.
  // untrusted if the signature is not this key's over message.
  Status verify_raw(View message, View signature, std::string_view what) const;
  Status verify_der(View message, View signature, std::string_view what) const;
  View point() const { return point_; }

 private:
  P256PublicKey(OwnedPkey key, View point) : key_(std::move(key)), point_(to_bytes(point)) {}
  OwnedPkey key_;
  Bytes point_;
};

}  // namespace attest
