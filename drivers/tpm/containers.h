// containers.h: started containers, measured into a register of the TPM.
#pragma once
#include "drivers/container/container_log.h"
#include "drivers/container/recorder.h"
#include "drivers/tpm/device.h"

namespace attest {

// TpmContainers writes each container to the log before the register is extended. The register is the truth: entries of the
// log that it does not hold (the machine was started anew, or the extend failed) are taken out before anything is made
// of the log. Registers 8, 9 and 11 to 15 can be used: the firmware's are not for containers, 10 is the kernel's, 16 and 23
// can be set back by everybody who may use the TPM.
class TpmContainers : public ContainerRecorder {
 public:
  explicit TpmContainers(std::shared_ptr<TpmDevice> device) : device_(std::move(device)) {}
  Result<bool> record(cmc::Component event) override;
  Result<cmc::Artifact> artifact() override;

 private:
  std::shared_ptr<TpmDevice> device_;
};

// settle_containers brings the log of containers in line with its register; mismatch when the register holds what neither
// the firmware's log nor this one explains.
Status settle_containers(TpmDevice& device);

}  // namespace attest
