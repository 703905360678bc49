// tpm_driver.h: a TPM 2.0 as a source of evidence.
#pragma once
#include "drivers/table.h"

namespace attest {

// open_tpm connects, checks or makes the attestation key, reads its certificates and the TLS keys. After fork
// only.
Result<OpenedDriver> open_tpm(const TpmDriverConfig& config);

}  // namespace attest
