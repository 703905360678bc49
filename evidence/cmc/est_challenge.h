// est_challenge.h: the answer of a CMC fleet's provisioning server to an attestation key: a certificate that only the TPM
// opens which has both the key and the endorsement key.
#pragma once
#include "evidence/core/bytes.h"
#include "evidence/core/secret.h"

namespace attest {

struct EstChallenge {
  Bytes credential;   // TPM2B_ID_OBJECT
  Bytes secret;       // TPM2B_ENCRYPTED_SECRET
  Bytes certificate;  // CMS EncryptedData
};

// parse_est_challenge takes the HTTP answer to tpmactivateenroll whole. denied with the server's text for another status than
// 200; malformed for what is no multipart body of exactly three parts in base64.
Result<EstChallenge> parse_est_challenge(View answer);

// open_est_certificate decrypts CMS EncryptedData (AES-256-GCM, RFC 5652 and 5084) with the secret of the credential, and the
// variant of it that CMC writes: parameters within a primitive tag 16, the nonce under [4], the content as an OCTET STRING
// within [0]. malformed for anything else, a secret of another length than 32 bytes among it; untrusted if it does not fit.
Result<Bytes> open_est_certificate(View cms, const Secret& secret);

}  // namespace attest
