// certified_key.h: what makes a TLS key one that cannot leave the TPM which quotes (TPM2_Certify).
#pragma once
#include "evidence/native/message.h"
#include "evidence/tpm/signature.h"

namespace attest {

// tls_key_label begins the qualifyingData under which the attestation key certifies TLS keys; the SHA-256 of
// the key's SubjectPublicKeyInfo follows. The daemon computes it: no caller chooses what is signed here.
inline constexpr std::string_view kTlsKeyLabel = "attest/1 tls-key";
Bytes tls_key_qualifying(const Digest& spki);

// check_tls_key: denied unless the key never leaves its TPM and signs what TLS wants: fixedTPM, fixedParent,
// sensitiveDataOrigin and sign set, restricted and decrypt clear, nameAlg of SHA-256 or better. Its authPolicy
// must be empty or one of `policies`.
Status check_tls_key(const PublicArea& key, const std::vector<Bytes>& policies = {});

// check_certified: `ak` signed a certify statement over the name of `key`, computed anew, and over the SPKI of
// the handshake. The attestation key's attributes are checked too (verify_attest); whose key it is is the
// caller's question. untrusted, denied, malformed or mismatch.
Status check_certified(const CertifiedKey& certified, const PublicArea& key, const PublicArea& ak,
                       const Digest& spki);

}  // namespace attest
