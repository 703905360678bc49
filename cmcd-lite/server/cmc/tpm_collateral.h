// tpm_collateral.h: a TPM's logs as CMC's reports carry them.
#pragma once
#include "evidence/cmc/report.h"
#include "evidence/logs/measured_log.h"

namespace attest {

// tpm_collateral explains every quoted register: by its log, or (without logs) by its value. The certificates are the
// anchor's, attestation key first.
cmc::Collateral tpm_collateral(const TpmAnchor& anchor, const PcrSelection& selection, const MeasuredLog* log);

}  // namespace attest
