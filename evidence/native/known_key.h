// known_key.h: a short-lived key K of a daemon that a quote covers, and what it signs (docs/PROTOCOL.md,
// "Known key").
#pragma once
#include "evidence/native/context.h"
#include "evidence/native/p256.h"

namespace attest {

// KeyProof is K and its signature over "attest/1 known-key" || evidence hash of one handshake.
struct KeyProof {
  Bytes spki_der;
  Bytes signature;
};

// key_context is the context a quote covers for K: this one without what belongs to a single handshake
// (server role, no service label).
Result<Bytes> key_context(ReportContext context);
// key_hash = SHA-256("attest/1 key" || H(key context)): the leaf of a batch that stands for K, in place of an
// evidence hash.
Digest key_hash(View key_context);

// prove_key signs an evidence hash (32 bytes).
Result<KeyProof> prove_key(const P256Key& key, const Digest& evidence_hash);
// verify_key_proof: mismatch if the key is not the one the context names, untrusted if the signature is not
// by it over this evidence hash, malformed if it is no key.
Status verify_key_proof(const KeyProof& proof, const Digest& known_key, const Digest& evidence_hash);

// key_hint is how a request names a key to those who know it and to nobody else: the first 8 bytes of
// SHA-256("attest/1 hint" || nonce || digest); digest is SHA-256 of the SPKI.
inline constexpr std::size_t kKeyHint = 8;
Bytes key_hint(const Nonce& nonce, const Digest& digest);

}  // namespace attest
