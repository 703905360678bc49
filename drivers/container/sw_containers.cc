#include "drivers/container/sw_containers.h"

#include <algorithm>

#include "drivers/sw/key_file.h"
#include "evidence/cmc/sw_evidence.h"

namespace attest {

void set_anchor(cmc::Component& event, std::string_view anchor) {
  std::vector<cmc::Property>& properties = event.properties.edit();
  auto at = std::ranges::find(properties, "cmc.ta", &cmc::Property::name);
  if (at == properties.end()) at = properties.insert(properties.begin(), {"cmc.ta", ""});
  at->value = anchor;
}

Result<std::unique_ptr<SwContainers>> SwContainers::open(const ContainerLogConfig& log, const std::filesystem::path& path) {
  auto key = read_sw_key(path);
  if (!key && key.error().code == Errc::mismatch) {
    key = make_sw_key("ec-p256");
    if (key) CHECK_OK(write_sw_key(path, key->get()));
  }
  if (!key) return key.error();
  TRY(std::unique_ptr<ContainerLog> opened, ContainerLog::open(log));
  return std::unique_ptr<SwContainers>(new SwContainers(std::move(opened), *std::move(key)));
}

Result<bool> SwContainers::record(cmc::Component event) {
  set_anchor(event, "SW");
  return log_->record(std::move(event));
}

Result<cmc::Collateral> SwContainers::collateral() const { return cmc::make_sw_collateral(key_.get(), log_->artifact()); }

Result<cmc::EvidenceItem> SwContainers::statement(View nonce, const cmc::Collateral& collateral) const {
  cmc::EvidenceItem item;
  item.type = cmc::kSwEvidence;
  TRY(item.evidence, cmc::make_sw_evidence(key_.get(), nonce, collateral.artifacts.at(0).events));
  return item;
}

}  // namespace attest
