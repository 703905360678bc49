// body.h: what an SGX enclave's report has to be: attributes, identity, measurement.
#pragma once
#include "evidence/dcap/quote.h"
#include "verifier/dcap/checks.h"

namespace attest {

// Bits of the first 8 bytes of ATTRIBUTES (Intel SDM vol. 3D, "ATTRIBUTES"); XFRM stands in the last 8.
namespace sgx_attribute {
inline constexpr std::uint64_t kInit = 1ULL << 0, kDebug = 1ULL << 1, kMode64 = 1ULL << 2,
                               kProvisionKey = 1ULL << 4, kEinitToken = 1ULL << 5, kCet = 1ULL << 6,
                               kKss = 1ULL << 7, kAexNotify = 1ULL << 10;
}  // namespace sgx_attribute

// SgxPolicy lists what is demanded; what is unset is not. Debug enclaves are refused unless allowed.
struct SgxPolicy {
  bool allow_debug = false;
  std::optional<Block<32>> mr_enclave, mr_signer;
  std::optional<std::uint16_t> isv_prod_id, min_isv_svn;
  std::optional<bool> provision_key, einit_token, kss, mode64;
  std::optional<Block<8>> xfrm;
};

// judge_enclave checks attributes, identity and the values the policy names. report_data is compared where
// given, padded with zeros to 64 bytes.
void judge_enclave(const EnclaveReport& enclave, const SgxPolicy& policy,
                   const std::optional<Bytes>& report_data, NamedChecks& checks);

}  // namespace attest
