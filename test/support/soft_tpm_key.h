// soft_tpm_key.h: a key a test holds itself that looks like a TPM's: for statements no real TPM would sign.
#pragma once
#include "evidence/core/hash.h"
#include "evidence/core/owned.h"
#include "evidence/tpm/tpm_ids.h"

namespace attest::test {

// SoftTpmKey signs TPMS_ATTEST as its options say; ends the program where OpenSSL fails.
class SoftTpmKey {
 public:
  struct Options {
    std::string algorithm = "P-256";  // P-256, P-384, P-521 or RSA
    unsigned rsa_bits = 2048;
    std::uint16_t scheme = 0;        // of the public area: 0 for ECDSA or RSASSA, 0x10 for none
    HashAlg hash = HashAlg::sha256;  // of the scheme
    HashAlg name_alg = HashAlg::sha256;
    std::uint32_t attributes = tpm::kFixedTpm | tpm::kFixedParent | tpm::kSensitiveDataOrigin |
                               tpm::kUserWithAuth | tpm::kRestricted | tpm::kSign;
    std::uint32_t exponent = 0;     // as written into the public area
    bool trim_coordinates = false;  // write x and y without leading zeros
  };
  explicit SoftTpmKey(Options options);
  SoftTpmKey() : SoftTpmKey(Options{}) {}
  Bytes public_area() const;  // TPMT_PUBLIC
  // sign makes a TPMT_SIGNATURE with the key's scheme and hash, or those given.
  Bytes sign(View message) const { return sign(message, scheme(), options_.hash); }
  Bytes sign(View message, std::uint16_t scheme, HashAlg hash) const;
  std::uint16_t scheme() const;
  EVP_PKEY* key() const { return key_.get(); }

 private:
  bool rsa() const { return options_.algorithm == "RSA"; }
  Options options_;
  OwnedPkey key_;
};

// quote_over makes a TPMS_ATTEST of type quote over one bank.
Bytes quote_over(HashAlg bank, const std::vector<std::uint8_t>& pcrs, View pcr_digest, View extra_data);

}  // namespace attest::test
