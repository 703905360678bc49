// tpm_ids.h: the numbers of the TPM 2.0 specification, part 2, that this room uses.
#pragma once
#include <cstddef>
#include <cstdint>

namespace attest::tpm {

inline constexpr std::uint32_t kGenerated = 0xff544347;  // TPM_GENERATED_VALUE

// TPM_ALG_ID (hashes are in HashAlg).
inline constexpr std::uint16_t kAlgRsa = 0x0001, kAlgTdes = 0x0003, kAlgAes = 0x0006, kAlgNull = 0x0010,
                               kAlgSm4 = 0x0013, kAlgRsassa = 0x0014, kAlgRsaes = 0x0015, kAlgRsapss = 0x0016,
                               kAlgOaep = 0x0017, kAlgEcdsa = 0x0018, kAlgEcdh = 0x0019, kAlgEcdaa = 0x001a,
                               kAlgSm2 = 0x001b, kAlgEcSchnorr = 0x001c, kAlgEcmqv = 0x001d, kAlgEcc = 0x0023,
                               kAlgCamellia = 0x0026, kAlgCfb = 0x0043;

// TPM_ECC_CURVE.
inline constexpr std::uint16_t kCurveP256 = 0x0003, kCurveP384 = 0x0004, kCurveP521 = 0x0005;

// TPMA_OBJECT.
inline constexpr std::uint32_t kFixedTpm = 1U << 1, kStClear = 1U << 2, kFixedParent = 1U << 4,
                               kSensitiveDataOrigin = 1U << 5, kUserWithAuth = 1U << 6,
                               kAdminWithPolicy = 1U << 7, kFirmwareLimited = 1U << 8, kSvnLimited = 1U << 9,
                               kNoDa = 1U << 10, kEncryptedDuplication = 1U << 11, kRestricted = 1U << 16,
                               kDecrypt = 1U << 17, kSign = 1U << 18, kX509Sign = 1U << 19,
                               kObjectReserved = 0xfff0f009;  // bits that must be zero

// Sizes of TPM2B contents.
inline constexpr std::size_t kMaxDigest = 64;  // TPM2B_DIGEST
inline constexpr std::size_t kMaxName = 66;    // TPM2B_NAME: nameAlg and digest
inline constexpr std::size_t kMaxData = 66;    // TPM2B_DATA

}  // namespace attest::tpm
