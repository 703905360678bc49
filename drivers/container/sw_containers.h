// sw_containers.h: containers vouched for by a key in a file, as CMC's software driver does. It proves nothing about hardware.
#pragma once
#include "drivers/container/container_log.h"
#include "drivers/container/recorder.h"
#include "evidence/core/owned.h"

namespace attest {

// SwContainers owns the log and the key. The key is its own: it signs statements about containers and nothing else.
class SwContainers : public ContainerRecorder {
 public:
  // open reads the key (EC on P-256, PEM, mode 0600), or makes it, and the log.
  static Result<std::unique_ptr<SwContainers>> open(const ContainerLogConfig& log, const std::filesystem::path& key);
  Result<bool> record(cmc::Component event) override;
  Result<cmc::Artifact> artifact() override { return log_->artifact(); }
  // collateral and statement are a report's: the statement signs the nonce and the sum of the containers in `collateral`.
  Result<cmc::Collateral> collateral() const;
  Result<cmc::EvidenceItem> statement(View nonce, const cmc::Collateral& collateral) const;

 private:
  SwContainers(std::unique_ptr<ContainerLog> log, OwnedPkey key) : log_(std::move(log)), key_(std::move(key)) {}
  std::unique_ptr<ContainerLog> log_;
  OwnedPkey key_;
};

// set_anchor says in an event (cmc.ta) what vouches for it.
void set_anchor(cmc::Component& event, std::string_view anchor);

}  // namespace attest
