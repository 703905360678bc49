// sealed.h: a message under a key that only the right machine can obtain (AES-256-GCM).
#pragma once
#include "evidence/core/bytes.h"
#include "evidence/core/secret.h"

namespace attest {

inline constexpr std::size_t kSealKey = 32;
inline constexpr std::size_t kSealOverhead = 12 + 16;  // nonce in front, tag behind

// seal returns nonce12 || ciphertext || tag16. The key has 32 bytes and serves for one message; io without
// random bytes.
Result<Bytes> seal(const Secret& key, View message);
// open_sealed: untrusted if the key is another or a byte was changed, malformed for a key or text of the
// wrong length.
Result<Bytes> open_sealed(const Secret& key, View sealed);

}  // namespace attest
