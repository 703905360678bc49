// certify.h: the attestation key's word for a TLS key.
#pragma once
#include "drivers/tpm/attestation_key.h"
#include "evidence/tpm/certified_key.h"

namespace attest {

// tpm_certify has the attestation key certify a loaded key whose public area and SPKI hash are given, and checks
// the answer as a verifier will.
Result<CertifiedKey> tpm_certify(TpmContext& context, AttestationKey& ak, ESYS_TR loaded, const PublicArea& key,
                                 const Digest& spki);

// A certification is kept in a file beside its key. read_certification: mismatch unless it is whole and this
// attestation key made it for this key; then it is made anew.
Result<CertifiedKey> read_certification(const std::filesystem::path& path, const PublicArea& key,
                                        const PublicArea& ak, const Digest& spki);
Status write_certification(const std::filesystem::path& path, const CertifiedKey& certified);

}  // namespace attest
