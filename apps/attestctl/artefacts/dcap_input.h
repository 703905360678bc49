// dcap_input.h: what the options of appraise mean for Intel's quotes.
#pragma once
#include "apps/attestctl/artefacts/artefact.h"
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

// read_collateral_folder gathers every file of a folder (or one file). Files of other kinds are passed over;
// broken ones are named in problems.
Result<DcapCollateral> read_collateral_folder(const std::filesystem::path& folder,
                                              std::vector<std::string>& problems);

}  // namespace attest::ctl
