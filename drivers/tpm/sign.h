// sign.h: one signature of a loaded TPM key, as TLS carries it.
#pragma once
#include "drivers/driver.h"
#include "drivers/tls_scheme.h"
#include "drivers/tpm/context.h"

namespace attest {

// tpm_sign hashes content in software and signs the digest: ECDSA in DER, RSA-PSS as it is.
Result<Bytes> tpm_sign(TpmContext& context, ESYS_TR key, const TlsScheme& scheme, View content);
// tpm_sign_digest signs a digest that was computed elsewhere; ECDSA in DER, RSA as it is. malformed for a digest of
// another length than the hash's.
Result<Bytes> tpm_sign_digest(TpmContext& context, ESYS_TR key, bool rsa, const DigestScheme& scheme, View digest);
// tpm_sign_restricted signs content (at most 1,024 bytes) with a restricted key, by the key's own scheme, whose hash is
// given: the TPM hashes it itself and gives no ticket for what begins as its own statements do. ECDSA in DER, RSA as it is.
Result<Bytes> tpm_sign_restricted(TpmContext& context, ESYS_TR key, HashAlg hash, View content);
// verify_tls_signature checks a signature as a TLS peer does: RSA-PSS with a salt as long as the hash.
// untrusted if it does not verify.
Status verify_tls_signature(EVP_PKEY* key, const TlsScheme& scheme, View content, View signature);

}  // namespace attest
