// azure_driver.h: an Azure confidential VM: the paravisor's report from the vTPM's NV memory.
#pragma once
#include "drivers/table.h"

namespace attest {

// open_azure reads the report and its companions once, and lets go of the TPM. denied, with the remedy, where a verifier would
// refuse them: claims the hardware report does not bind, no certificate of the processor, a TD quote over other claims.
Result<OpenedDriver> open_azure(const AzureDriverConfig& config);

}  // namespace attest
