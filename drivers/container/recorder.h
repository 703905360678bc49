// recorder.h: where what a container runtime measured is recorded.
#pragma once
#include "evidence/cmc/report.h"

namespace attest {

// ContainerRecorder keeps the log of started containers and has something vouch for it. Called from the thread that owns
// the drivers.
class ContainerRecorder {
 public:
  virtual ~ContainerRecorder() = default;
  // record checks an event (evidence/container/event.h) and appends it; one that stands in the log already is not added
  // again. false then. Where it fails, neither the log nor what vouches for it has changed, or both agree again before the
  // next report.
  virtual Result<bool> record(cmc::Component event) = 0;
  // artifact is the log: type "SW Eventlog".
  virtual Result<cmc::Artifact> artifact() = 0;
};

// container_register: whether containers may be measured into a register of a TPM.
constexpr bool container_register(std::int64_t index) { return index == 8 || index == 9 || (index >= 11 && index <= 15); }

}  // namespace attest
