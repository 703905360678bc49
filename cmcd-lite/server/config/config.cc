#include "cmcd-lite/server/config/config.h"

#include <sys/un.h>

#include <charconv>

#include "cmcd-lite/server/config/callers.h"
#include "evidence/http/message.h"
#include "evidence/json/config.h"

namespace attest {
namespace {

namespace fs = std::filesystem;

// resolved: paths in the file are absolute, or relative to the state directory; empty stays empty.
fs::path resolved(const fs::path& base, const std::string& text) {
  return text.empty() ? fs::path() : (base / text).lexically_normal();
}

std::optional<unsigned> octal(std::string_view text) {
  unsigned value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 8);
  if (error != std::errc() || end != text.data() + text.size() || value > 0777) return std::nullopt;
  return value;
}

std::vector<SocketConfig> read_sockets(const Object& root, const std::vector<CallerRule>& callers) {
  std::vector<SocketConfig> sockets;
  for (const Object& entry : root.objects("sockets")) {
    SocketConfig socket;
    socket.path = entry.string("path");
    if (!socket.path.starts_with('/') || socket.path.size() >= sizeof(sockaddr_un::sun_path))
      entry.fail("path", "must be an absolute path of at most 107 bytes");
    auto mode = octal(entry.string("mode", "0666"));
    if (!mode) entry.fail("mode", "must be an octal text such as \"0660\"");
    socket.mode = mode.value_or(0600);
    socket.callers = entry.strings("callers");
    for (const std::string& name : socket.callers)
      if (std::ranges::find(callers, name, &CallerRule::name) == callers.end())
        entry.fail("callers", "names \"" + name + "\", which is no entry of \"callers\"");
    sockets.push_back(std::move(socket));
  }
  if (sockets.empty()) root.fail("sockets", "must list at least one socket");
  return sockets;
}

std::optional<std::uint32_t> handle_of(std::string_view text) {
  std::uint32_t value = 0;
  if (!text.starts_with("0x")) return std::nullopt;
  auto [end, error] = std::from_chars(text.data() + 2, text.data() + text.size(), value, 16);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  if (value < 0x81000000 || value > 0x81ffffff) return std::nullopt;
  return value;
}

PcrSelection read_selection(const Object& tpm, PcrSelection selection) {
  std::string bank =
      tpm.choice("bank", {"sha1", "sha256", "sha384", "sha512"}, hash_alg_name(selection.bank));
  selection.bank = hash_alg_from_name(bank).value_or(selection.bank);
  if (!tpm.has("pcrs")) return selection;
  selection.pcrs.clear();
  for (std::int64_t pcr : tpm.integers("pcrs", 0, 23))
    selection.pcrs.push_back(static_cast<std::uint8_t>(pcr));
  bool ascending = std::ranges::adjacent_find(selection.pcrs, std::greater_equal<>()) == selection.pcrs.end();
  if (!ascending || selection.pcrs.empty())
    tpm.fail("pcrs", "must be ascending numbers from 0 to 23, none twice");
  return selection;
}

TpmDriverConfig read_tpm(const Object& tpm, const fs::path& state_dir) {
  TpmDriverConfig config;
  config.state_dir = state_dir;
  config.tcti = tpm.string("tcti", config.tcti);
  auto handle = handle_of(tpm.string("ak_handle", "0x81010100"));
  if (!handle) tpm.fail("ak_handle", "must be a persistent handle, \"0x81000000\" to \"0x81ffffff\"");
  config.ak_handle = handle.value_or(config.ak_handle);
  config.ak_algorithm =
      tpm.choice("ak_algorithm", {"ec-p256", "ec-p384", "rsa-2048", "rsa-3072"}, config.ak_algorithm);
  config.platform_ak = tpm.choice("ak", {"own", "platform"}, "own") == "platform";
  config.pcrs = read_selection(tpm, config.pcrs);
  config.event_log =
      resolved(state_dir, tpm.string("event_log", "/sys/kernel/security/tpm0/binary_bios_measurements"));
  config.ima_list =
      resolved(state_dir, tpm.string("ima_list", "/sys/kernel/security/ima/binary_runtime_measurements"));
  config.ak_chain = resolved(state_dir, tpm.string("ak_chain", "ak.pem"));
  return config;
}

SnpDriverConfig read_snp(const Object& snp, const fs::path& state_dir) {
  SnpDriverConfig config;
  config.root = resolved(state_dir, snp.string("root", config.root.string()));
  if (snp.has("privlevel")) config.privlevel = static_cast<unsigned>(snp.integer("privlevel", 0, 3));
  if (snp.has("certificates")) config.certificates = resolved(state_dir, snp.string("certificates"));
  return config;
}

TdxDriverConfig read_tdx(const Object& tdx, const fs::path& state_dir) {
  TdxDriverConfig config;
  config.root = resolved(state_dir, tdx.string("root", config.root.string()));
  std::string log = tdx.string("event_log", "/sys/firmware/acpi/tables/data/CCEL");
  if (!log.empty()) config.event_log = resolved(state_dir, log);
  return config;
}

// read_azure: the TPM is the one of "tpm", whose attestation key is the platform's.
AzureDriverConfig read_azure(const Object& azure, const DriverConfig& drivers, const fs::path& state_dir) {
  AzureDriverConfig config;
  if (drivers.tpm)
    config.tcti = drivers.tpm->tcti;
  else
    azure.fail("certificates", "needs \"tpm\" beside \"azure\": the vTPM makes the quotes");
  if (azure.has("certificates")) config.certificates = resolved(state_dir, azure.string("certificates"));
  if (azure.has("td_quote")) config.td_quote = resolved(state_dir, azure.string("td_quote"));
  config.quote_service = azure.string("quote_service", "");
  if (auto url = http::read_url(config.quote_service); !config.quote_service.empty() && !url)
    azure.fail("quote_service", "must be http://HOST/PATH; " + url.error().what);
  return config;
}

DriverConfig read_drivers(const Object& root, const fs::path& state_dir) {
  DriverConfig drivers;
  if (auto tpm = root.object("tpm")) drivers.tpm = read_tpm(*tpm, state_dir);
  if (auto sw = root.object("sw")) drivers.sw = {state_dir, resolved(state_dir, sw->string("key", "sw.key"))};
  if (auto snp = root.object("snp")) drivers.snp = read_snp(*snp, state_dir);
  if (auto tdx = root.object("tdx")) drivers.tdx = read_tdx(*tdx, state_dir);
  if (auto sgx = root.object("sgx")) drivers.sgx = {resolved(state_dir, sgx->string("root", "/dev/attestation"))};
  if (auto azure = root.object("azure")) drivers.azure = read_azure(*azure, drivers, state_dir);
  return drivers;
}

MetadataConfig read_metadata(const Object& root, const fs::path& state_dir) {
  MetadataConfig config;
  auto metadata = root.object("metadata");
  if (!metadata) return config;
  config.folder = resolved(state_dir, metadata->string("folder", "metadata"));
  for (const std::string& signer : metadata->strings("signers"))
    config.signers.push_back(resolved(state_dir, signer));
  if (config.signers.empty()) metadata->fail("signers", "must name at least one root certificate");
  for (const std::string& crl : metadata->strings("crls")) config.crls.push_back(resolved(state_dir, crl));
  config.set_list = metadata->string("set_list", "");
  config.image = metadata->string("image", "");
  // The daemon has no network: `attestctl metadata fetch` reads these.
  for (const std::string& source : metadata->strings("sources"))
    if (!source.starts_with("file://") && !source.starts_with("blob://") && !http::read_url(source))
      metadata->fail("sources", "must be file://, blob://, https:// or http://");
  static_cast<void>(metadata->strings("source_roots"));
  return config;
}

MachineCertConfig read_machine_cert(const Object& root, const fs::path& state_dir) {
  MachineCertConfig config;
  auto cert = root.object("machine_cert");
  if (!cert) return config;
  config.chain = resolved(state_dir, cert->string("chain"));
  config.key = cert->string("key");
  if (config.key.empty()) cert->fail("key", "must name a key of the daemon");
  return config;
}

std::vector<EpochConfig> read_epochs(const Object& root, const fs::path& state_dir) {
  constexpr std::size_t kMost = 2;
  std::vector<EpochConfig> epochs;
  for (const Object& entry : root.objects("epochs")) {
    EpochConfig epoch{resolved(state_dir, entry.string("file")), resolved(state_dir, entry.string("key"))};
    if (epoch.file.empty() || epoch.key.empty()) entry.fail("file", "and \"key\" must both be paths");
    if (epochs.size() == kMost) entry.fail("file", "is of a third distributor; two are enough");
    epochs.push_back(std::move(epoch));
  }
  return epochs;
}

Limits read_limits(const Object& root) {
  Limits limits;
  auto object = root.object("limits");
  if (!object) return limits;
  auto size = [&](std::string_view key, std::int64_t min, std::int64_t max, std::size_t& value) {
    value = static_cast<std::size_t>(object->integer(key, min, max, static_cast<std::int64_t>(value)));
  };
  auto seconds = [&](std::string_view key, std::int64_t max, std::int64_t& value) {
    value = object->integer(key, 1, max, value);
  };
  size("connections", 1, 65536, limits.connections);
  limits.connections_per_uid = (limits.connections + 1) / 2;
  size("connections_per_uid", 1, 65536, limits.connections_per_uid);
  size("payload_mib", 2, 4096, limits.payload_mib);
  size("queue", 1, 65536, limits.queue);
  size("batch", 1, kMaxBatch, limits.batch);
  size("nonces", 1, 65536, limits.nonces);
  size("judge_threads", 1, 64, limits.judge_threads);
  size("verdicts", 1, 100000, limits.verdicts);
  seconds("nonce_seconds", 3600, limits.nonce_seconds);
  seconds("read_seconds", 600, limits.read_seconds);
  seconds("write_seconds", 600, limits.write_seconds);
  seconds("idle_seconds", 86400, limits.idle_seconds);
  seconds("key_seconds", 3600, limits.key_seconds);
  return limits;
}

}  // namespace

Result<Config> load_config(const std::string& path) {
  TRY(ConfigFile file, read_config(path));
  Object root = file.root();
  Config config;
  config.path = path;
  config.state_dir = root.string("state_dir", "/var/lib/attest");
  if (!config.state_dir.is_absolute()) root.fail("state_dir", "must be an absolute path");
  config.callers = read_callers(root);
  config.sockets = read_sockets(root, config.callers);
  config.drivers = read_drivers(root, config.state_dir);
  config.metadata = read_metadata(root, config.state_dir);
  config.policies = resolved(config.state_dir, root.string("policies", "/etc/attest/policies"));
  config.machine_cert = read_machine_cert(root, config.state_dir);
  config.epochs = read_epochs(root, config.state_dir);
  config.audit_log = resolved(config.state_dir, root.string("audit_log", "audit.jsonl"));
  if (root.choice("ima_entries", {"accepted", "anyone"}, "accepted") == "anyone")
    config.ima_entries = ImaEntries::anyone;
  config.observe = root.boolean("observe", false);
  config.publish = publish::read_publish(root, config.state_dir);
  config.limits = read_limits(root);
  config.cmc = read_cmc(root, config.state_dir, config.callers, config.drivers);
  CHECK_OK(file.finish());
  return config;
}

}  // namespace attest
