// dcap_input.h: what the options of appraise mean for Intel's quotes.
#pragma once
#include "apps/attestctl/artefacts/artefact.h"
#include "verifier/dcap/folder.h"
#include "verifier/dcap/quote.h"
#include "verifier/sgx/body.h"
#include "verifier/tdx/body.h"

namespace attest::ctl {

struct DcapPolicy {
  TcbPolicy tcb;
  TdxPolicy tdx;
  SgxPolicy sgx;
};
// read_dcap_policy reads the JSON of --policy; denied for a member or value this version does not know.
Result<DcapPolicy> read_dcap_policy(const Json& policy);

}  // namespace attest::ctl
