#include "drivers/tpm/tpm_driver.h"

#include "drivers/tpm/activation.h"
#include "drivers/tpm/containers.h"
#include "drivers/tpm/logs.h"
#include "drivers/tpm/quote.h"
#include "drivers/tpm/tls_keys.h"
#include "evidence/core/file.h"
#include "evidence/tpm/attest.h"
#include "evidence/tpm/pcr_selection.h"

namespace attest {
namespace {

constexpr int kTries = 5;  // quote and PCRs agree at once unless something is being measured

class TpmDriver : public Driver {
 public:
  explicit TpmDriver(std::shared_ptr<TpmDevice> device)
      : device_(std::move(device)), logs_(device_->config, scheme_hash(device_->key.area()), device_->containers.get()) {}
  AnchorKind kind() const override { return AnchorKind::tpm; }
  AnchorIdentity identity() const override { return {AnchorKind::tpm, device_->key.name()}; }
  std::optional<PcrSelection> pcrs() const override { return device_->config.pcrs; }
  std::string algorithm() const override { return device_->key.area().algorithm(); }
  Result<Anchor> quote(const Digest& qualifying) override;
  Result<const MeasuredLog*> log(const Anchor& quoted) override;
  Result<std::optional<ClockInfo>> clock() override;
  std::string notice() const override { return key_notice(*device_); }
  Result<Bytes> raw_log(LogKind kind) override { return logs_.raw(kind); }

 private:
  Result<std::vector<Digest>> pcr_values() {
    return device_->context->attempt([&] { return read_pcrs(*device_->context, device_->config.pcrs); });
  }
  Result<TpmAnchor> quote_once(const Digest& qualifying);
  Result<TpmAnchor> quote_with_values(const Digest& qualifying);
  void settle_after_reset(std::uint32_t reset_count);

  std::shared_ptr<TpmDevice> device_;
  MachineLogs logs_;
  std::uint32_t settled_at_ = 0;  // count of resets when the log of containers was last held against its register
};

Result<TpmAnchor> TpmDriver::quote_once(const Digest& qualifying) {
  TRY(TpmAnchor anchor, device_->context->attempt([&] {
    return tpm_quote(*device_->context, device_->key, device_->config.pcrs, qualifying.view());
  }));
  anchor.ak_chain = device_->ak_chain;
  return anchor;
}

// quote_with_values is for machines without logs: the values read must be those that were quoted.
Result<TpmAnchor> TpmDriver::quote_with_values(const Digest& qualifying) {
  for (int i = 0; i < kTries; i++) {
    TRY(TpmAnchor anchor, quote_once(qualifying));
    TRY(anchor.pcr_values, pcr_values());
    TRY(Digest quoted, quoted_pcr_digest(anchor.attest));
    if (pcr_digest(scheme_hash(device_->key.area()), anchor.pcr_values) == quoted) return anchor;
  }
  return Error{Errc::mismatch, "tpm: the PCRs change faster than they can be quoted"};
}

Result<Anchor> TpmDriver::quote(const Digest& qualifying) {
  auto anchor = logs_.configured() ? quote_once(qualifying) : quote_with_values(qualifying);
  if (!anchor) return std::move(anchor).error();
  return Anchor(*std::move(anchor));
}

Result<std::optional<ClockInfo>> TpmDriver::clock() {
  TRY(ClockInfo info, device_->context->attempt([&] { return read_clock(*device_->context); }));
  return std::optional(info);
}

// settle_after_reset: where the registers began anew, so does the log of containers. What cannot be settled, the logs do not
// explain, and that is told then.
void TpmDriver::settle_after_reset(std::uint32_t reset_count) {
  if (!device_->containers || reset_count == settled_at_) return;
  if (settle_containers(*device_)) settled_at_ = reset_count;
}

Result<const MeasuredLog*> TpmDriver::log(const Anchor& quoted) {
  if (!logs_.configured()) return static_cast<const MeasuredLog*>(nullptr);
  const TpmAnchor* anchor = std::get_if<TpmAnchor>(&quoted);
  if (anchor == nullptr) return Error{Errc::mismatch, "tpm logs: the anchor is no quote of a TPM"};
  TRY(Attest statement, parse_attest(anchor->attest));
  if (statement.quote() == nullptr) return Error{Errc::mismatch, "tpm logs: the statement is no quote"};
  settle_after_reset(statement.clock.reset_count);
  return logs_.match(Digest::of(statement.quote()->pcr_digest), statement.clock.reset_count,
                     [this] { return pcr_values(); });
}

// load_ak_chain: the file may not be there yet. One for another key is not handed out; enrolling again replaces it.
Status load_ak_chain(TpmDevice& device) {
  const std::filesystem::path& path = device.config.ak_chain;
  std::error_code ignored;
  if (path.empty() || !std::filesystem::exists(path, ignored)) return ok();
  TRY(Bytes pem, read_file(path, kMaxCerts * kMaxCertBytes * 2));
  auto chain = read_ak_chain(pem, device.key.area(), path.string());
  device.orphaned_chain = !chain && chain.error().code == Errc::mismatch;
  if (device.orphaned_chain) return ok();
  if (!chain) return chain.error();
  device.ak_chain = *std::move(chain);
  return ok();
}

Status open_containers(TpmDevice& device) {
  if (!device.config.containers) return ok();
  if (device.config.pcrs.bank != HashAlg::sha256) return Error{Errc::denied, "tpm: containers are measured into the sha256 bank alone"};
  TRY(device.containers, ContainerLog::open(*device.config.containers));
  return ok();
}

Status check_selection(const PcrSelection& selection) {
  if (selection.pcrs.empty()) return Error{Errc::denied, "tpm: pcrs is empty; remedy: name at least one PCR"};
  for (std::size_t i = 0; i < selection.pcrs.size(); i++)
    if (selection.pcrs[i] >= kMaxPcrs || (i > 0 && selection.pcrs[i] <= selection.pcrs[i - 1]))
      return Error{Errc::denied, "tpm: pcrs must ascend and stay below 24"};
  return ok();
}

}  // namespace

Result<OpenedDriver> open_tpm(const TpmDriverConfig& config) {
  CHECK_OK(check_selection(config.pcrs));
  TRY(std::unique_ptr<TpmContext> context, TpmContext::open(config.tcti));
  TRY(AttestationKey key, AttestationKey::open(*context, config));
  auto device = std::make_shared<TpmDevice>(config, std::move(context), std::move(key));
  CHECK_OK(load_ak_chain(*device));
  CHECK_OK(open_containers(*device));
  TRY(std::unique_ptr<TpmKeyStore> keys, TpmKeyStore::open(device));
  OpenedDriver opened;
  opened.driver = std::make_unique<TpmDriver>(device);
  opened.keys = std::move(keys);
  opened.enroller = std::make_unique<TpmEnroller>(device);
  if (device->containers) opened.containers = std::make_unique<TpmContainers>(device);
  return opened;
}

}  // namespace attest
