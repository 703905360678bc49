#include "verifier/sgx/body.h"

#include "evidence/core/hex.h"

namespace attest {
namespace {

using namespace dcap_check;

void check_attributes(const EnclaveReport& enclave, const SgxPolicy& policy, NamedChecks& checks) {
  namespace flag = sgx_attribute;
  Reader in(enclave.attributes);
  std::uint64_t flags = in.u64le();
  bool debug = (flags & flag::kDebug) != 0;
  if (debug && !policy.allow_debug)
    checks.fail(dcap_check::kDebug, "the enclave runs under debug: its memory can be read from outside",
                "no debug", to_hex(enclave.attributes));
  else if (debug)
    checks.warn(dcap_check::kDebug, "the enclave runs under debug, which the policy allows");
  else
    checks.pass(dcap_check::kDebug);
  constexpr std::uint64_t kKnown = flag::kInit | flag::kDebug | flag::kMode64 | flag::kProvisionKey |
                                   flag::kEinitToken | flag::kCet | flag::kKss | flag::kAexNotify;
  std::string wrong;
  auto bit = [&](std::uint64_t mask, const std::optional<bool>& wanted, const char* name) {
    if (wanted && ((flags & mask) != 0) != *wanted)
      wrong += std::string(" ") + name + (*wanted ? " is off" : " is on");
  };
  if ((flags & ~kKnown) != 0) wrong += " reserved bits are set";
  bit(flag::kMode64, policy.mode64, "MODE64BIT");
  bit(flag::kProvisionKey, policy.provision_key, "PROVISIONKEY");
  bit(flag::kEinitToken, policy.einit_token, "EINITTOKENKEY");
  bit(flag::kKss, policy.kss, "KSS");
  View xfrm = View(enclave.attributes).subspan(8);
  if (policy.xfrm && !equal(*policy.xfrm, xfrm))
    wrong += " XFRM is " + to_hex(xfrm) + ", expected " + to_hex(*policy.xfrm);
  if ((flags & flag::kInit) == 0)
    checks.warn(dcap_check::kAttributes, "INIT is off: no processor reports such an enclave");
  if (!wrong.empty())
    return checks.fail(dcap_check::kAttributes, "enclave attributes:" + wrong, {},
                       to_hex(enclave.attributes));
  checks.pass(dcap_check::kAttributes, to_hex(enclave.attributes));
}

void check_identity(const EnclaveReport& enclave, const SgxPolicy& policy, NamedChecks& checks) {
  std::string wrong;
  if (policy.mr_signer && *policy.mr_signer != enclave.mr_signer)
    wrong += " MRSIGNER is " + to_hex(enclave.mr_signer) + ", expected " + to_hex(*policy.mr_signer);
  if (policy.isv_prod_id && *policy.isv_prod_id != enclave.isv_prod_id)
    wrong += " product is " + std::to_string(enclave.isv_prod_id) + ", expected " +
             std::to_string(*policy.isv_prod_id);
  if (policy.min_isv_svn && enclave.isv_svn < *policy.min_isv_svn)
    wrong += " SVN is " + std::to_string(enclave.isv_svn) + ", expected at least " +
             std::to_string(*policy.min_isv_svn);
  if (!wrong.empty()) return checks.fail(kIdentity, "the enclave's identity:" + wrong);
  if (policy.mr_signer || policy.isv_prod_id || policy.min_isv_svn) checks.pass(kIdentity);
}

}  // namespace

void judge_enclave(const EnclaveReport& enclave, const SgxPolicy& policy,
                   const std::optional<Bytes>& report_data, NamedChecks& checks) {
  if (report_data) {
    if (padded_equal(*report_data, enclave.report_data))
      checks.pass(kNonce);
    else
      checks.fail(kNonce, "REPORTDATA is not the nonce given", to_hex(*report_data),
                  to_hex(enclave.report_data));
  }
  check_attributes(enclave, policy, checks);
  check_identity(enclave, policy, checks);
  if (policy.mr_enclave)
    checks.equals(kMeasurements, "MRENCLAVE", to_hex(*policy.mr_enclave), to_hex(enclave.mr_enclave));
}

}  // namespace attest
