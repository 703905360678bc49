#include "drivers/tpm/containers.h"

#include "drivers/container/sw_containers.h"
#include "drivers/tpm/logs.h"
#include "drivers/tpm/quote.h"

namespace attest {
namespace {

Status settle(TpmDevice& device, std::uint8_t pcr) {
  ContainerLog& log = *device.containers;
  TRY(Digest sum, firmware_register(device.config, pcr));
  PcrSelection one{device.config.pcrs.bank, {pcr}};
  TRY(std::vector<Digest> value, device.context->attempt([&] { return read_pcrs(*device.context, one); }));
  TRY(Hasher hasher, Hasher::make(one.bank));
  std::vector<cmc::Component> events = log.artifact().events;
  for (std::size_t held = 0;; held++) {
    if (sum == value[0]) return log.cut(held);
    if (held == events.size()) break;
    sum = hasher.extend(sum, events[held].hashes[0].content);
  }
  return Error{Errc::mismatch, "containers: register " + std::to_string(pcr) +
                                   " holds what neither the firmware nor this daemon logged; remedy: restart the machine, or "
                                   "name a register that nothing else extends"};
}

// extend is tried once: whether an extend whose answer was lost has happened, only the register can say.
Status extend(TpmContext& context, std::uint8_t pcr, View digest) {
  TPML_DIGEST_VALUES values{};
  values.count = 1;
  values.digests[0].hashAlg = TPM2_ALG_SHA256;
  std::ranges::copy(digest, values.digests[0].digest.sha256);
  TSS2_RC rc = Esys_PCR_Extend(context.get(), ESYS_TR_PCR0 + pcr, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, &values);
  if (rc != TSS2_RC_SUCCESS) return context.failure(rc, "extend the register of containers");
  return ok();
}

Result<std::uint8_t> register_of(const TpmDevice& device, const cmc::Component& event) {
  std::int64_t index = -1;
  const std::string* named = event.property("cmc.index");
  for (std::uint8_t pcr : device.config.pcrs.pcrs)
    if (container_register(pcr) && named != nullptr && *named == std::to_string(pcr)) index = pcr;
  if (index < 0)
    return Error{Errc::denied, "containers: cmc.index must be a quoted register (\"pcrs\" of \"tpm\"), 8, 9 or 11 to 15"};
  return static_cast<std::uint8_t>(index);
}

}  // namespace

Status settle_containers(TpmDevice& device) {
  auto index = device.containers->index();
  return index ? settle(device, static_cast<std::uint8_t>(*index)) : ok();
}

Result<bool> TpmContainers::record(cmc::Component event) {
  TRY(std::uint8_t pcr, register_of(*device_, event));
  CHECK_OK(settle(*device_, static_cast<std::uint8_t>(device_->containers->index().value_or(pcr))));
  set_anchor(event, "TPM");
  const Bytes digest = event.hashes.empty() ? Bytes() : event.hashes[0].content;
  TRY(bool added, device_->containers->record(std::move(event)));
  if (!added) return false;
  Status extended = extend(*device_->context, pcr, digest);
  if (extended) return true;
  if (settle_containers(*device_)) {  // the entry stays only if the register holds it
    auto events = device_->containers->artifact().events;
    if (!events.empty() && events.back().hashes[0].content == digest) return true;
  }
  return extended.error();
}

Result<cmc::Artifact> TpmContainers::artifact() {
  CHECK_OK(settle_containers(*device_));
  return device_->containers->artifact();
}

}  // namespace attest
