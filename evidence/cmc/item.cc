#include "evidence/cmc/item.h"

#include "evidence/cmc/cose.h"
#include "evidence/cmc/metadata.h"

namespace attest::cmc {
namespace {

Status check_leaves(std::span<const JwsSigner> signers) {
  for (const JwsSigner& signer : signers) {
    if (signer.chain.empty()) return Error{Errc::malformed, "a signer without certificates"};
    TRY(OwnedX509 leaf, parse_certificate(signer.chain.front()));
    if (signer.key == nullptr || X509_check_private_key(leaf.get(), signer.key) != 1)
      return Error{Errc::mismatch, "certificate \"" + subject_text(leaf.get()) + "\" is not for the key that signs"};
  }
  return ok();
}

}  // namespace

Result<Examined> examine_item(View item, const TrustStore& roots, UnixTime when) {
  return is_cose(item) ? examine_cose(item, roots, when) : examine_jws(item, roots, when);
}

Result<Bytes> unverified_item_payload(View item) {
  return is_cose(item) ? unverified_cose_payload(item) : unverified_payload(item);
}

Result<Bytes> sign_item(View payload, std::span<const JwsSigner> signers) {
  TRY(Encoding encoding, encoding_of(payload));
  CHECK_OK(check_leaves(signers));
  if (encoding == Encoding::cbor) return sign_cose(payload, signers);
  TRY(std::string jws, sign_jws(payload, signers));
  return to_bytes(as_view(jws));
}

Result<Bytes> json_payload(View payload) {
  TRY(Encoding encoding, encoding_of(payload));
  if (encoding == Encoding::json) return to_bytes(payload);
  TRY(Metadata metadata, parse_metadata(payload));
  return encode_metadata(metadata, Encoding::json);
}

}  // namespace attest::cmc
