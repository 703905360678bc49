// test_ak.h: a key that plays an attestation key, and the bytes a TPM would sign with it. Everything can be bent.
#pragma once
#include "evidence/native/context.h"
#include "evidence/tpm/tpm_ids.h"
#include "test/support/test_ca.h"

namespace attest::test {

inline constexpr std::uint32_t kAkAttributes =
    tpm::kFixedTpm | tpm::kFixedParent | tpm::kSensitiveDataOrigin | tpm::kUserWithAuth | tpm::kRestricted | tpm::kSign;

// TestAk is a P-256 key with the TPMT_PUBLIC of an AK.
struct TestAk {
  std::shared_ptr<EVP_PKEY> key;
  Bytes public_area;
  Bytes name() const;
  AnchorIdentity identity() const { return {AnchorKind::tpm, name()}; }
};
TestAk make_ak(std::uint32_t attributes = kAkAttributes);
// ak_of wraps an existing P-256 key.
TestAk ak_of(std::shared_ptr<EVP_PKEY> key, std::uint32_t attributes = kAkAttributes);
// certify_ak issues an AK certificate; extensions replace those of an honest one.
TestCert certify_ak(const TestCert& issuer, const TestAk& ak, const CertSpec& spec);
CertSpec ak_spec();

// QuoteSpec is a TPMS_ATTEST of type quote, field by field.
struct QuoteSpec {
  std::uint32_t magic = tpm::kGenerated;
  std::uint16_t type = 0x8018;
  Bytes extra_data;
  std::vector<PcrSelection> selections;
  Bytes pcr_digest;
  std::uint64_t clock_ms = 0;  // ahead of what the TPM would say
};
Bytes write_attest(const QuoteSpec& spec);
// write_certify is a TPMS_ATTEST of type certify over an object's name.
Bytes write_certify(View extra_data, View object_name);

// sign_tpm is a TPMT_SIGNATURE, ECDSA with SHA-256.
Bytes sign_tpm(View message, EVP_PKEY* key);
// sign_der is the DER form; for software statements.
Bytes sign_der(View message, EVP_PKEY* key);
// null_signature has the scheme TPM_ALG_NULL, zero_signature numbers r and s of zero.
Bytes null_signature();
Bytes zero_signature();

}  // namespace attest::test
