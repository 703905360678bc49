// azure_driver.h: an Azure confidential VM: the paravisor's report from the vTPM's NV memory.
#pragma once
#include "drivers/table.h"

namespace attest {

// HclSource hands out the paravisor's report as the NV index holds it; over user data (64 bytes) it is made anew first.
class HclSource {
 public:
  virtual ~HclSource() = default;
  virtual Result<Bytes> read() = 0;
  virtual Result<Bytes> renew(View user_data) = 0;
};

// open_azure_with is open_azure over another source than the TPM.
Result<OpenedDriver> open_azure_with(const AzureDriverConfig& config, std::unique_ptr<HclSource> source);

// open_azure reads the report and its companions once, and lets go of the TPM. denied, with the remedy, where a verifier would
// refuse them: claims the hardware report does not bind, no certificate of the processor, a TD quote over other claims. Its fresh_quote asks for claims over the nonce; on TDX
// its finisher has quote_td make a quote over them, as open_azure does without a file; unsupported on TDX without quote_td.
Result<OpenedDriver> open_azure(const AzureDriverConfig& config);

}  // namespace attest
