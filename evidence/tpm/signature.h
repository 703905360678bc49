// signature.h: TPMT_SIGNATURE (TPM 2.0 part 2, clause 11.3) and the one way to a verified statement of a TPM.
#pragma once
#include "evidence/core/verified.h"
#include "evidence/tpm/attest.h"
#include "evidence/tpm/public_area.h"

namespace attest {

// TpmSignature is a parsed signature: RSASSA and RSAPSS use `rsa`, ECDSA uses r and s (big-endian, as
// stored).
struct TpmSignature {
  std::uint16_t scheme = 0;  // TPM_ALG_ID: RSASSA 0x14, RSAPSS 0x16, ECDSA 0x18
  HashAlg hash = HashAlg::sha256;
  Bytes rsa;
  Bytes r, s;
};

// SignatureRules loosen what is accepted. SHA-1 only where a policy says so.
struct SignatureRules {
  bool allow_sha1 = false;
};

// parse_signature reads one TPMT_SIGNATURE that fills `bytes` exactly. untrusted for the NULL signature,
// unsupported for other schemes and hashes, malformed for lengths out of bounds and trailing bytes.
Result<TpmSignature> parse_signature(View bytes);

// verify_signature checks a signature over message. untrusted unless the signature is of the key's kind and,
// where the key has a scheme, of that scheme and hash, its numbers are in range and not zero, and OpenSSL
// verifies it.
Status verify_signature(View message, const TpmSignature& signature, const PublicArea& key,
                        const SignatureRules& rules = {});

// verify_attest checks the key's attributes (check_attestation_key), the signature over the bytes of
// `attest`, and only then reads them. Whether the key belongs to an accepted TPM is the caller's question.
Result<Verified<Attest>> verify_attest(View attest, View signature, const PublicArea& key,
                                       const SignatureRules& rules = {});

}  // namespace attest
