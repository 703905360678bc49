#include "cmcd-lite/server/cmc/config.h"

#include <sys/un.h>

#include <charconv>

#include "cmcd-lite/server/access/rights.h"
#include "drivers/container/recorder.h"
#include "evidence/core/hex.h"
#include "evidence/core/printable.h"

namespace attest {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> paths(const Object& object, std::string_view key, const fs::path& state_dir) {
  std::vector<fs::path> out;
  for (const std::string& text : object.strings(key)) {
    if (text.empty()) object.fail(key, "must not hold an empty path");
    out.push_back((state_dir / text).lexically_normal());
  }
  return out;
}

CmcSocket read_socket(const Object& entry, const std::vector<CallerRule>& callers) {
  CmcSocket socket;
  socket.path = entry.string("path");
  if (!socket.path.starts_with('/') || socket.path.size() >= sizeof(sockaddr_un::sun_path))
    entry.fail("path", "must be an absolute path of at most 107 bytes");
  std::string mode = entry.string("mode", "0600");
  auto [end, error] = std::from_chars(mode.data(), mode.data() + mode.size(), socket.mode, 8);
  if (error != std::errc() || end != mode.data() + mode.size() || socket.mode > 0777)
    entry.fail("mode", "must be an octal text such as \"0660\"");
  socket.callers = entry.strings("callers");
  for (const std::string& name : socket.callers)
    if (std::ranges::find(callers, name, &CallerRule::name) == callers.end())
      entry.fail("callers", "names \"" + printable(name) + "\", which is no entry of \"callers\"");
  socket.remote = entry.boolean("remote", false);
  return socket;
}

struct SwitchRow {
  std::string_view name;
  cmc::Call call;
};
constexpr SwitchRow kSwitches[] = {{"attest", cmc::Call::attest},
                                   {"tls-create", cmc::Call::tls_create},
                                   {"tls-sign", cmc::Call::tls_sign},
                                   {"tls-cert", cmc::Call::tls_cert}};

std::vector<cmc::Call> read_switches(const Object& object) {
  std::vector<cmc::Call> out;
  for (const std::string& name : object.strings("remote_calls")) {
    auto row = std::ranges::find(kSwitches, name, &SwitchRow::name);
    if (row == std::end(kSwitches))
      object.fail("remote_calls", "must be a list of attest, tls-create, tls-sign, tls-cert; found \"" + printable(name) + "\"");
    else
      out.push_back(row->call);
  }
  return out;
}

// read_server reads an EST server; `fallback` where the member is not there.
EstConfig read_server(const Object& cmc, std::string_view key, const fs::path& state_dir, EstConfig fallback) {
  auto object = cmc.object(key);
  if (!object) return fallback;
  EstConfig out;
  auto address = parse_est_address(object->string("url"));
  if (address) out = *std::move(address);
  else object->fail("url", address.error().what);
  out.roots = paths(*object, "roots", state_dir);
  if (out.roots.empty()) object->fail("roots", "must name at least one root certificate of the server");
  std::string token = object->string("token", "");
  if (!token.empty()) out.token = (state_dir / token).lexically_normal();
  return out;
}

std::vector<Digest> read_keys(const Object& object) {
  std::vector<Digest> out;
  for (const std::string& text : object.strings("keys")) {
    auto digest = from_hex(text, digest_size(HashAlg::sha256));
    if (!digest || digest->size() != digest_size(HashAlg::sha256))
      object.fail("keys", "must list SHA-256 of the public keys (SPKI) of attestation keys, 64 hex digits each");
    else
      out.push_back(Digest::of(*digest));
  }
  if (out.empty()) object.fail("keys", "must list the attestation keys whose reports are taken: no issuer vouches for how a key is used");
  return out;
}

void read_handshakes(const Object& cmc, CmcHandshakes& handshakes) {
  auto object = cmc.object("handshakes");
  if (!object) return;
  std::string give = object->choice("give", {"no", "cbor", "json"}, "no");
  if (give != "no") handshakes.give = give == "json" ? cmc::Encoding::json : cmc::Encoding::cbor;
  for (const Object& entry : object->objects("take")) {
    CmcHandshakes::Taken taken;
    taken.policy = entry.string("policy");
    taken.required = entry.choice("native", {"accepted", "refused"}, "accepted") == std::string_view("refused");
    taken.keys = read_keys(entry);
    if (handshakes.under(taken.policy) != nullptr) entry.fail("policy", "stands here twice");
    handshakes.taken.push_back(std::move(taken));
  }
}

// check_register: with a TPM, containers go into a register that is quoted and that nobody can set back.
void check_register(const Object& containers, const ContainerLogConfig& log, const DriverConfig& drivers) {
  if (!drivers.tpm) return containers.fail("driver", "is \"tpm\": needs \"tpm\" beside \"cmc\"");
  if (drivers.tpm->pcrs.bank != HashAlg::sha256) containers.fail("driver", "is \"tpm\": containers are measured into the sha256 bank alone");
  if (!log.index) return;
  bool quoted = std::ranges::find(drivers.tpm->pcrs.pcrs, *log.index) != drivers.tpm->pcrs.pcrs.end();
  if (!quoted || !container_register(*log.index))
    containers.fail("index", "must be a register that is quoted (\"pcrs\" of \"tpm\"): 8, 9, or 11 to 15");
}

CmcContainers read_containers(const Object& object, const fs::path& state_dir, DriverConfig& drivers) {
  CmcContainers out;
  out.in_tpm = object.choice("driver", {"tpm", "sw"}, "tpm") == "tpm";
  out.log.file = (state_dir / object.string("log", "containers.json")).lexically_normal();
  if (object.has("index")) out.log.index = object.integer("index", 0, 65535);
  if (object.has("key") && out.in_tpm) object.fail("key", "is of driver \"sw\": the TPM's key signs with driver \"tpm\"");
  out.key = (state_dir / object.string("key", "containers.key")).lexically_normal();
  if (!out.in_tpm) return out;
  check_register(object, out.log, drivers);
  if (drivers.tpm) drivers.tpm->containers = out.log;
  return out;
}

// read_staple: the server's TLS certificate is judged by its own roots or by those of "enroll", never by the system's.
CmcStaple read_staple(const Object& object, const fs::path& state_dir, const CmcConfig& config) {
  CmcStaple out;
  out.format = object.choice("format", {"json", "cbor"}, "json") == std::string_view("cbor") ? cmc::Encoding::cbor : cmc::Encoding::json;
  out.roots = paths(object, "roots", state_dir);
  if (out.roots.empty()) out.roots = config.enroll.roots;
  out.folder = state_dir / "cmc-omsp";
  return out;
}

void read_roots(const Object& object, const fs::path& state_dir, CmcConfig& config) {
  config.one_root = object.boolean("one_root", false);
  config.signer_roots = paths(object, config.one_root ? "roots" : "signer_roots", state_dir);
  config.ak_roots = config.one_root ? config.signer_roots : paths(object, "ak_roots", state_dir);
  if (!config.one_root && object.has("roots"))
    object.fail("roots", "puts signers and attestation keys under one authority: say so with \"one_root\": true, or give "
                         "\"signer_roots\" and \"ak_roots\"");
}

}  // namespace

CmcConfig read_cmc(const Object& root, const fs::path& state_dir, const std::vector<CallerRule>& callers, DriverConfig& drivers) {
  CmcConfig config;
  auto object = root.object("cmc");
  if (!object) return config;
  for (const Object& entry : object->objects("sockets")) config.sockets.push_back(read_socket(entry, callers));
  config.tcp = object->strings("tcp");
  for (const std::string& address : config.tcp)
    if (auto parsed = parse_loopback(address); !parsed) object->fail("tcp", parsed.error().what);
  config.remote_calls = read_switches(*object);
  read_roots(*object, state_dir, config);
  config.metadata = paths(*object, "metadata", state_dir);
  config.collateral = paths(*object, "collateral", state_dir);
  config.policies = paths(*object, "policies", state_dir);
  config.omsp = object->boolean("omsp", false);
  std::string hash = object->choice("hash", {"sha256", "sha384", "sha512"}, "sha256");
  config.hash = hash_alg_from_name(hash).value_or(HashAlg::sha256);
  config.name = object->string("name", "");
  config.enroll = read_server(*object, "enroll", state_dir, {});
  if (auto enroll = object->object("enroll")) config.enroll_renew = enroll->boolean("renew", true);
  if (auto staple = object->object("staple")) {
    config.staple = read_staple(*staple, state_dir, config);
    if (config.signer_roots.empty())
      object->fail("staple", "needs \"signer_roots\", or \"one_root\" and \"roots\": by them answers are judged");
  }
  config.endorse = read_server(*object, "endorse", state_dir, config.enroll);
  if (auto endorse = object->object("endorse")) config.endorse_automatic = endorse->boolean("automatic", false);
  read_handshakes(*object, config.handshakes);
  if (auto containers = object->object("containers")) config.containers = read_containers(*containers, state_dir, drivers);
  if (config.name.size() > 253) object->fail("name", "must be at most 253 bytes");
  return config;
}

}  // namespace attest
