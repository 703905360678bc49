// chain_key.h: what a chain of certificates is remembered by.
#pragma once
#include "evidence/core/hash.h"

namespace attest {

// chain_key is the SHA-256 over the certificates and their lengths, so no two chains share a key; io without a hash.
Result<Digest> chain_key(const std::vector<Bytes>& chain);

}  // namespace attest
