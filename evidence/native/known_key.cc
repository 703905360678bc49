#include "evidence/native/known_key.h"

namespace attest {
namespace {

constexpr std::string_view kProofLabel = "attest/1 known-key";

}  // namespace

Result<Bytes> key_context(ReportContext context) {
  context.role = Role::server;
  context.service.clear();
  return encode_context(context);
}

Digest key_hash(View key_context) { return sha256({as_view("attest/1 key"), sha256(key_context).view()}); }

Result<KeyProof> prove_key(const P256Key& key, const Digest& evidence_hash) {
  if (evidence_hash.size() != 32) return Error{Errc::malformed, "known key: an evidence hash has 32 bytes"};
  KeyProof proof{key.spki_der(), {}};
  TRY(proof.signature, key.sign({as_view(kProofLabel), evidence_hash.view()}));
  return proof;
}

Status verify_key_proof(const KeyProof& proof, const Digest& known_key, const Digest& evidence_hash) {
  if (known_key.empty() || sha256(View(proof.spki_der)) != known_key)
    return Error{Errc::mismatch, "known key: the report context names another key than the one that signed"};
  if (evidence_hash.size() != 32) return Error{Errc::malformed, "known key: an evidence hash has 32 bytes"};
  TRY(OwnedPkey key, read_p256(proof.spki_der));
  return verify_p256(key.get(), {as_view(kProofLabel), evidence_hash.view()}, proof.signature);
}

Bytes key_hint(const Nonce& nonce, const Digest& digest) {
  Digest hint = sha256({as_view("attest/1 hint"), View(nonce), digest.view()});
  return hint.empty() ? Bytes() : to_bytes(hint.view().first(kKeyHint));
}

}  // namespace attest
