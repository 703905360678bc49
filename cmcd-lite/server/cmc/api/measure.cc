// measure.cc: what container runtimes measure is recorded (Measure).
#include "cmcd-lite/server/cmc/api/api.h"
#include "evidence/core/printable.h"

namespace attest {
namespace {

// answer: a container that was not recorded is told as success: false, as CMC does; why, stands in the log.
void answer(const CmcReply& reply, const Result<bool>& recorded, const std::string& name,
            const std::function<void(const std::string&)>& log) {
  if (!recorded)
    log("cmc.measure: container \"" + name + "\" was not recorded: " + recorded.error().what);
  else if (*recorded)
    log("cmc.measure: container \"" + name + "\" was recorded");
  cmc::ApiResponse response;
  response.call = cmc::Call::measure;
  response.success = static_cast<bool>(recorded);
  reply.send(std::move(response));
}

Result<bool> record_in_tpm(TpmThread::Devices& devices, cmc::Component event) {
  TRY(OpenedDriver * device, tpm_device(devices));
  if (!device->containers) return Error{Errc::unsupported, "containers are not measured into this TPM (restart cmcd-lite?)"};
  return device->containers->record(std::move(event));
}

}  // namespace

Status CmcApi::open(const Config& config) {
  const auto& containers = config.cmc.containers;
  if (containers && !containers->in_tpm) {
    TRY(containers_, SwContainers::open(containers->log, containers->key));
    reports_.vouch_for(containers_.get());
  }
  return tls_->open(config.state_dir / "cmc-keys");
}

// measure records on the TPM's thread, between quotes. What was quoted before is no longer what the machine is.
void CmcApi::measure(Asked asked) {
  if (!asked.state->config.cmc.containers)
    return asked.reply.fail({Errc::unsupported, "Measure: this agent records no containers (\"containers\" of \"cmc\" in cmcd.json)"});
  auto event = std::make_shared<cmc::Component>(std::move(asked.request.event));
  std::string name = printable(event->name, 100);
  if (containers_) {
    return engine_.workers.post(asked.call.source(), [this, event, name, reply = asked.reply](Status go) {
      answer(reply, go ? containers_->record(std::move(*event)) : Result<bool>(go.error()), name, engine_.log);
    });
  }
  engine_.tpm.run(asked.call.source(), [this, event, name, reply = asked.reply](Result<TpmThread::Devices*> devices) {
    auto recorded = devices ? record_in_tpm(**devices, std::move(*event)) : Result<bool>(devices.error());
    engine_.keyring.clear();
    answer(reply, recorded, name, engine_.log);
  });
}

}  // namespace attest
