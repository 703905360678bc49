// tpm_collateral.h: a TPM's logs as CMC's reports carry them.
#pragma once
#include "evidence/cmc/report.h"
#include "evidence/logs/measured_log.h"

namespace attest {

// tpm_collateral explains every quoted register: by its log, or (without logs) by its value. The certificates are the
// anchor's, attestation key first.
cmc::Collateral tpm_collateral(const TpmAnchor& anchor, const PcrSelection& selection, const MeasuredLog* log);

// tell_containers puts measured containers where their register is explained: they are the last events of its log. A register
// that was explained by its value is explained by them, if they lead to it. mismatch if they are not what was quoted.
Status tell_containers(const cmc::Artifact& started, cmc::Collateral& collateral);

}  // namespace attest
