// intel_collateral.h: which of Intel's documents a CMC report carries beside a TDX or SGX quote.
#pragma once
#include "evidence/cmc/component.h"
#include "evidence/dcap/collateral.h"
#include "evidence/dcap/quote.h"

namespace attest::cmc {

// pck_chain is the chain that stands in a quote, in this order: PCK, its CA, root. unsupported for a quote that carries none.
Result<std::vector<Bytes>> pck_chain(const Quote& quote);

// pick_intel_collateral takes, from what is at hand, the documents of the quote's platform and TEE: TCB info and identity of the
// quoting enclave as the provisioning service answers them, the CRLs of root and PCK CA, and who signed all of them. Of several
// that fit the newest. mismatch with the name of the first that is missing.
Result<IntelCollateral> pick_intel_collateral(const DcapCollateral& held, const Quote& quote);

}  // namespace attest::cmc
