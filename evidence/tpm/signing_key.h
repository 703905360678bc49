// signing_key.h: the key behind a statement of a TPM, in whatever form people keep it.
#pragma once
#include "evidence/tpm/public_area.h"
#include "evidence/tpm/signature.h"

namespace attest {

// SigningKey is a key that may have signed a TPMS_ATTEST.
struct SigningKey {
  PublicArea area;               // of a bare key: only kind, numbers and key; attributes 0, scheme NULL
  bool has_area = false;         // the TPM's public area was given: attributes, scheme and name count
  std::vector<Bytes> chain_der;  // the certificates that came with it, leaf first; empty for other forms
};

// bare_area is what a public key says by itself; unsupported as read_signing_key.
Result<PublicArea> bare_area(OwnedPkey key);

// read_signing_key reads a TPMT_PUBLIC, a TPM2B_PUBLIC, a DER or PEM SubjectPublicKeyInfo, or a certificate
// (DER, or PEM with the leaf first). malformed if it is none of them, unsupported for keys other than RSA of
// 2048 to 4096 bits and P-256, P-384, P-521.
Result<SigningKey> read_signing_key(View bytes);

// read_any_signature reads a TPMT_SIGNATURE, or the bare signature that software stacks hand on: an RSA
// number as long as the key's modulus (scheme of the key, else RSASSA), or a DER ECDSA-Sig-Value. A bare
// signature does not name its hash: it is that of the key's scheme, else `hash`. malformed if it is neither.
Result<TpmSignature> read_any_signature(View bytes, const PublicArea& key, HashAlg hash);

// qualified_name is nameAlg || H(parent's qualified name || name): how a TPM names a key by its place. A
// parent of 4 bytes is a hierarchy's handle. Empty if name is no TPM name.
Bytes qualified_name(View parent_qualified_name, View name);

}  // namespace attest
