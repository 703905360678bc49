// credential.h: TPM2_MakeCredential in software (TPM 2.0 part 1, clause 24 "Credential protection"): a secret
// that only the TPM with this endorsement key opens, and only for the object with this name.
#pragma once
#include "evidence/core/secret.h"
#include "evidence/tpm/public_area.h"

namespace attest {

// Credential is what TPM2_ActivateCredential takes.
struct Credential {
  Bytes blob;    // TPM2B_ID_OBJECT
  Bytes secret;  // TPM2B_ENCRYPTED_SECRET
};

// check_endorsement_key: denied unless the key is a storage key that never leaves its TPM: restricted,
// decrypt, fixedTPM, fixedParent, sensitiveDataOrigin set, sign clear, AES in CFB mode of 128 bits or more,
// nameAlg of SHA-256 or better; unsupported for keys other than RSA-2048, RSA-3072, P-256 and P-384. Whether
// it is a genuine TPM's is the certificate's to say.
Status check_endorsement_key(const PublicArea& ek);

// make_credential protects `value` (1 to the digest size of the EK's nameAlg) for the object with TPM name
// `name` beside `ek`. Fails as check_endorsement_key, malformed for a value or name of a wrong size, io if
// OpenSSL fails.
Result<Credential> make_credential(const PublicArea& ek, View name, const Secret& value);

}  // namespace attest
