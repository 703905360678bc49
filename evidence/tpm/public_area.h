// public_area.h: TPMT_PUBLIC, the public half of a TPM key with the attributes the TPM vouches for
// (TPM 2.0 part 2, clause 12.2).
#pragma once
#include <memory>

#include "evidence/core/bytes.h"
#include "evidence/core/hash.h"
#include "evidence/core/owned.h"

namespace attest {

// AsymScheme is a TPMT_ASYM_SCHEME: the algorithm and, where it has one, its hash (TPM_ALG_IDs; 0x10 is
// NULL).
struct AsymScheme {
  std::uint16_t alg = 0x0010;
  std::uint16_t hash = 0x0010;
  std::uint16_t count = 0;  // ECDAA only
};

// SymDef is a TPMT_SYM_DEF_OBJECT; alg 0x10 (NULL) for keys that are no parents.
struct SymDef {
  std::uint16_t alg = 0x0010;
  std::uint16_t key_bits = 0;
  std::uint16_t mode = 0x0010;
};

// PublicArea is a parsed RSA or ECC public area whose key OpenSSL accepted (point on the curve, sizes as
// declared).
struct PublicArea {
  enum class Kind : std::uint8_t { rsa, ecc };
  Kind kind = Kind::ecc;
  HashAlg name_alg = HashAlg::sha256;
  std::uint32_t attributes = 0;  // TPMA_OBJECT, see tpm_ids.h
  Bytes auth_policy;
  SymDef symmetric;
  AsymScheme scheme;
  std::uint16_t rsa_bits = 0;
  std::uint32_t rsa_exponent = 0;  // as stored: 0 means 65537
  std::uint16_t curve = 0;         // TPM_ECC_CURVE
  Bytes modulus;
  Bytes x, y;                     // as stored, without padding
  Bytes encoded;                  // the TPMT_PUBLIC itself
  std::shared_ptr<EVP_PKEY> key;  // in private_libctx(); safe to use from several threads for verification

  bool has(std::uint32_t attribute) const { return (attributes & attribute) == attribute; }
  // algorithm is "ec-p256", "ec-p384", "ec-p521", "rsa-2048", "rsa-3072" or "rsa-4096".
  const char* algorithm() const;
  // name is the TPM name: nameAlg and the digest of the TPMT_PUBLIC, 2 + digest size bytes.
  Bytes name() const;
  // spki_der is the DER SubjectPublicKeyInfo; io if OpenSSL fails.
  Result<Bytes> spki_der() const;
};

// parse_public reads one TPMT_PUBLIC that fills `bytes` exactly: RSA of 2048, 3072 or 4096 bits, or ECC on
// P-256, P-384 or P-521. malformed for wrong lengths, reserved attribute bits, a point off the curve or
// trailing bytes; unsupported for other kinds of object.
Result<PublicArea> parse_public(View tpmt_public);
// parse_tpm2b_public is the same behind a 16-bit length, as tpm2-tools store it.
Result<PublicArea> parse_tpm2b_public(View tpm2b_public);

// check_attestation_key: denied unless the key can sign nothing but what its TPM says: restricted, sign,
// fixedTPM, fixedParent, sensitiveDataOrigin set, decrypt clear, a signing scheme with SHA-256 or better, and
// a nameAlg of SHA-256 or better. An unrestricted key forges any TPMS_ATTEST. allow_sha1 lets SHA-1 schemes
// pass, for old quotes that a policy accepts by name.
Status check_attestation_key(const PublicArea& key, bool allow_sha1 = false);

// attributes_text lists the attributes set, as the specification names them, separated by blanks.
std::string attributes_text(std::uint32_t attributes);

}  // namespace attest
