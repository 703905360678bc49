// demands.h: what a policy file says of Intel's TEEs ("intel", "tdx" and "sgx"; docs/POLICY.md).
#pragma once
#include "evidence/json/config.h"
#include "verifier/dcap/quote.h"
#include "verifier/sgx/body.h"
#include "verifier/tdx/body.h"

namespace attest {

// DcapDemands are the rules, DcapTrust what they rest on: the roots, and the collateral that was held when
// the policy was loaded. Immutable once loaded.
struct DcapDemands {
  TcbPolicy tcb;
  TdxPolicy tdx;
  SgxPolicy sgx;
};
struct DcapTrust {
  Issuers roots;
  std::optional<CheckedCollateral> collateral;  // unset: none was named
};

// read_dcap_demands takes "intel", "tdx" and "sgx" out of a policy; what is wrong is recorded there.
DcapDemands read_dcap_demands(const Object& root);

}  // namespace attest
