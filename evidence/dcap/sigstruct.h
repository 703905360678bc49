// sigstruct.h: the statement an enclave's maker signs (Intel SDM, volume 3D, clause "Enclave Signature Structure"), as SGX loaders
// keep it beside the enclave (*.sig): what the enclave's measurement will be, and who signed it.
#pragma once
#include "evidence/core/hash.h"

namespace attest {

inline constexpr std::size_t kSigstructBytes = 1808;

struct Sigstruct {
  std::uint32_t vendor = 0;  // 0x8086 for Intel's own
  std::uint32_t date = 0;    // BCD, 0x20261121
  std::array<std::uint8_t, 16> attributes{}, attribute_mask{};
  std::uint32_t misc_select = 0, misc_mask = 0;
  Digest mr_enclave;  // SHA-256
  Digest mr_signer;   // SHA-256 of the modulus
  std::uint16_t isv_prod_id = 0, isv_svn = 0;
  bool debug_allowed() const { return (attribute_mask[0] & 2) == 0 || (attributes[0] & 2) != 0; }
};

// parse_sigstruct reads exactly one structure and verifies its signature (RSA-3072, exponent 3, SHA-256) with the key inside.
// malformed for another form, untrusted if the signature does not verify: no processor would start the enclave.
Result<Sigstruct> parse_sigstruct(View bytes);

}  // namespace attest
