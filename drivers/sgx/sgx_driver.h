// sgx_driver.h: an SGX enclave under Gramine as a source of evidence, through its /dev/attestation.
#pragma once
#include "drivers/table.h"
#include "drivers/tsm/report.h"

namespace attest {

// open_sgx asks for one quote to learn which platform this is. denied where Gramine was not built for DCAP
// quotes (sgx.remote_attestation = "dcap" in its manifest), or quotes carry no PCK certificate chain.
Result<OpenedDriver> open_sgx(const SgxDriverConfig& config);
// open_sgx_with is the same over other files than Gramine's.
Result<OpenedDriver> open_sgx_with(const SgxDriverConfig& config, std::shared_ptr<TsmFiles> files);

}  // namespace attest
