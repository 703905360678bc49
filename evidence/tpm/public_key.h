// public_key.h: from the numbers of a public area to a key of OpenSSL.
#pragma once
#include "evidence/tpm/public_area.h"

namespace attest {

// ecc_field_size is the bytes of a coordinate: 32, 48 or 66; 0 for a curve we do not know.
std::size_t ecc_field_size(std::uint16_t tpm_curve);
// ecc_group_name is OpenSSL's name of a TPM curve, "P-256"; nullptr if unknown.
const char* ecc_group_name(std::uint16_t tpm_curve);

// make_ec_key makes a public key in private_libctx() from coordinates of at most the field's size; malformed
// if the point is not on the curve, unsupported for an unknown curve.
Result<OwnedPkey> make_ec_key(std::uint16_t tpm_curve, View x, View y);
// make_rsa_key does the same for a modulus of exactly `bits` bits and exponent (0: 65537).
Result<OwnedPkey> make_rsa_key(std::uint16_t bits, std::uint32_t exponent, View modulus);

// import_public_key makes the key of a public area whose numbers were read.
Result<std::shared_ptr<EVP_PKEY>> import_public_key(const PublicArea& area);

}  // namespace attest
