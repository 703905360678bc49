#include "cmcd-lite/server/cmc/agent_file.h"

#include <strings.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "cmcd-lite/protocol/loopback.h"
#include "cmcd-lite/server/cmc/est.h"
#include "evidence/core/hash.h"
#include "evidence/core/printable.h"
#include "evidence/json/config.h"

namespace attest {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr const char* kStateDir = "/var/lib/attest";  // where "storage" names none

std::string path_of(const std::string& text) { return text.empty() ? "" : fs::absolute(text).lexically_normal().string(); }

// Agent is the file being read and what it becomes.
struct Agent {
  const Object& root;
  const AgentSwitches& switches;
  Converted& out;
  Json config, cmc;
  void unsupported(std::string_view key, const std::string& what) const {
    root.fail(key, "asks for what this daemon does not do: " + what);
  }
};

// choice is one of the texts, which CMC's programs compare without regard to case.
std::string choice(const Object& root, std::string_view key, std::initializer_list<std::string_view> allowed, std::string_view fallback) {
  std::string text = root.string(key, std::string(fallback));
  for (std::string_view one : allowed)
    if (one.size() == text.size() && strncasecmp(one.data(), text.data(), one.size()) == 0) return std::string(one);
  return root.choice(key, allowed, fallback);
}

void read_address(Agent& agent) {
  std::string address = agent.root.string("cmcAddr"), api = choice(agent.root, "api", {"socket", "grpc", "coap"}, "");
  if (api == "grpc" || api == "coap") {
    std::string front = agent.out.state_dir + "/cmc-front.sock";
    agent.cmc["sockets"] = {{{"path", front}, {"remote", true}}};
    agent.out.notes.push_back("cmc.api: " + api + " is served by a program of its own: cmc-" + api + " --listen " +
                              printable(address) + " --agent unix://" + front);
    return;
  }
  bool tcp = address.starts_with("tcp://") || (!address.starts_with("unix://") && address.find(':') != std::string::npos);
  for (std::string_view scheme : {"tcp://", "unix://"})
    if (address.starts_with(scheme)) address.erase(0, scheme.size());
  if (!tcp) {
    agent.cmc["sockets"] = {{{"path", path_of(address)}}};
    return;
  }
  agent.cmc["tcp"] = {address};
  if (auto parsed = parse_loopback(address); !parsed) agent.root.fail("cmcAddr", parsed.error().what);
}

Json paths_of(const Object& root, std::string_view key) {
  Json out = Json::array();
  for (const std::string& text : root.strings(key)) out.push_back(path_of(text));
  return out;
}

void read_enrolment(Agent& agent, const Json& roots) {
  const Object& root = agent.root;
  for (const std::string& method : root.strings("provisionAuth"))
    if (method == "certificate") agent.unsupported("provisionAuth", "enrolment by client certificate");
  std::string token = root.string("provisionToken", "");
  if (choice(root, "enrollmentMode", {"est", "acme", ""}, "est") == "acme") agent.unsupported("enrollmentMode", "ACME");
  auto server = [&](std::string_view key, const char* member, const std::string& address) {
    if (address.empty()) return;
    if (auto est = parse_est_address(address); !est) return root.fail(key, est.error().what);
    agent.cmc[member] = {{"url", address}, {"roots", roots}};
    if (!token.empty()) agent.cmc[member]["token"] = path_of(token);
  };
  server("enrollmentAddr", "enroll", root.string("enrollmentAddr", ""));
  std::string mode = choice(root, "endorsementMode", {"est", "direct", "cps", "host", ""}, ""), address = root.string("endorsementAddr", "");
  if (mode == "est") {
    server("endorsementAddr", "endorse", address);
    if (agent.cmc.contains("endorse")) {
      agent.cmc["endorse"]["automatic"] = true;  // as the agent
      agent.out.notes.push_back("cmc.endorse: the daemon itself has the attestation key certified at endorsementAddr, which takes a network (docs/CMC.md)");
    }
  } else if (!mode.empty() || !address.empty()) {
    agent.out.notes.push_back("cmc.unused: endorsementMode, endorsementAddr: attestctl enroll certifies the attestation key");
  }
}

std::vector<int> registers(const Object& root) {
  auto excluded = root.integers("excludePcrs", 0, 23);
  std::vector<int> out;
  for (int pcr = 0; pcr < 24; pcr++)
    if ((pcr <= 16 || pcr == 23) && std::ranges::find(excluded, pcr) == excluded.end()) out.push_back(pcr);
  if (out.empty()) root.fail("excludePcrs", "must leave a register");
  return out;
}

// read_containers: CMC's software driver vouches for containers and nothing else.
void read_containers(Agent& agent, bool software) {
  const Object& root = agent.root;
  bool on = root.boolean("ctr", false);
  std::string driver = choice(root, "ctrDriver", {"tpm", "sw", ""}, ""), log = root.string("ctrLog", "");
  bool by_software = on && driver == "sw";
  if (software != by_software) return root.fail("drivers", "must name \"sw\" where \"ctr\" is true and \"ctrDriver\" is \"sw\", and there alone");
  if (!on) return;
  if (driver.empty()) return root.fail("ctrDriver", "must be tpm or sw where \"ctr\" is true");
  agent.cmc["containers"] = {{"driver", driver}};
  if (!log.empty()) agent.cmc["containers"]["log"] = path_of(log);
}

// set_azure: the driver is claims and vTPM in one, whose key is the platform's.
void set_azure(Agent& agent, Json tpm) {
  tpm["ak"] = "platform";
  tpm["ak_handle"] = "0x81000003";
  tpm["ak_algorithm"] = "rsa-2048";
  agent.config["tpm"] = std::move(tpm);
  agent.config["azure"] = {{"certificates", "azure-chain.pem"}, {"quote_service", "http://169.254.169.254/acc/tdquote"}};
  agent.out.notes.push_back("cmc.azure: the processor's certificates are read from " + agent.out.state_dir +
                            "/azure-chain.pem (SEV-SNP), that of the vTPM's key from ak.pem beside it; nothing fetches them. On TDX "
                            "the metadata service is asked for quotes, for which the unit needs a network");
}

void read_drivers(Agent& agent, HashAlg hash) {
  const Object& root = agent.root;
  Json tpm = {{"bank", hash == HashAlg::sha512 ? "sha256" : hash_alg_name(hash)}, {"pcrs", registers(root)}};
  tpm["ak_algorithm"] = choice(root, "tpmKeyAlg", {"EC256", "RSA2048", ""}, "EC256") == "RSA2048" ? "rsa-2048" : "ec-p256";
  bool logs = root.boolean("measurementLogs", false);
  if (!logs) tpm["event_log"] = tpm["ima_list"] = "";
  Json snp = Json::object(), tdx = Json::object();
  if (root.has("vmpl")) snp["privlevel"] = root.integer("vmpl", 0, 3);
  if (!logs) tdx["event_log"] = "";
  const std::pair<std::string, Json> rows[] = {{"tpm", tpm}, {"snp", snp}, {"tdx", tdx}, {"sgx", Json::object()}};
  bool software = false;
  for (std::string driver : root.strings("drivers")) {
    std::ranges::transform(driver, driver.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    auto row = std::ranges::find(rows, driver, &std::pair<std::string, Json>::first);
    software = software || driver == "sw";
    if (row != std::end(rows))
      agent.config[driver] = row->second;
    else if (driver == "azure")
      set_azure(agent, tpm);
    else if (driver != "sw")
      agent.unsupported("drivers", "driver \"" + printable(driver, 20) + "\"; there are tpm, snp, tdx, sgx, azure and sw");
  }
  read_containers(agent, software);
  if (agent.config.contains("tdx") || agent.config.contains("sgx") || agent.config.contains("azure")) {
    agent.cmc["collateral"] = {"intel-collateral"};
    agent.out.notes.push_back("cmc.collateral: Intel's documents are read from " + agent.out.state_dir + "/intel-collateral; nothing fetches them");
  }
}

void read_metadata(Agent& agent) {
  Json out = Json::array();
  for (const std::string& source : agent.root.strings("metadata")) {
    bool file = source.starts_with("file://");
    if (!file && source.find("://") != std::string::npos)
      agent.unsupported("metadata", "source \"" + printable(source) + "\"; there is file://");
    else
      out.push_back(path_of(source.substr(file ? 7 : 0)));
  }
  agent.cmc["metadata"] = out;
}

// read_omsp: CMC's switch is of both sides, the verifier's, who demands answers, and the prover's, who fetches them.
void read_omsp(Agent& agent, const Json& roots) {
  bool on = agent.root.boolean("useOmsp", false);
  std::string format = choice(agent.root, "omspFormat", {"json", "cbor", ""}, "");
  agent.cmc["omsp"] = on;
  if (!on) return;
  if (roots.empty()) return agent.root.fail("useOmsp", "needs \"rootCas\": by them revocation answers and their servers are judged");
  agent.cmc["staple"] = {{"format", format.empty() ? "json" : format}, {"roots", roots}};
  agent.out.notes.push_back("cmc.staple: the daemon itself fetches revocation answers from the servers that manifests name, which takes a network (docs/CMC.md)");
}

void read_trust(Agent& agent, const Json& roots) {
  const Object& root = agent.root;
  if (!roots.empty() && !agent.switches.one_root)
    root.fail("rootCas", "puts signers and attestation keys under one authority: say so with --one-root, or write a cmcd.json");
  if (!roots.empty()) {
    agent.cmc["one_root"] = true;
    agent.cmc["roots"] = roots;
  }
  if (root.boolean("allowSystemCerts", false)) agent.unsupported("allowSystemCerts", "the system's certificates as roots");
  read_omsp(agent, roots);
  static_cast<void>(choice(root, "policyEngine", {"js", "duktape", ""}, ""));
  if (root.boolean("policyOverwrite", false)) agent.unsupported("policyOverwrite", "policies can refuse and nothing else");
}

void note_unused(Agent& agent) {
  for (const char* key : {"cache", "peerCache", "vendorCache", "logLevel", "logFile"})
    if (!agent.root.string(key, "").empty())
      agent.out.notes.push_back(std::string("cmc.unused: ") + key + ": what peers showed is held in memory, logs go to stderr");
}

Json own_callers() {
  Json out = Json::array();
  for (uid_t uid : {uid_t{0}, geteuid()}) {
    out.push_back({{"name", uid == 0 ? "root" : "own"}, {"uid", uid}, {"roles", {"server", "client"}}, {"keys", {"any"}},
                   {"rights", {"attest", "judge", "sign", "raw", "control"}}});
    if (geteuid() == 0) break;
  }
  return out;
}

// read_files reads one file, or several with commas between them, of which the later ones overrule the earlier ones.
Result<ConfigFile> read_files(const std::string& paths) {
  if (paths.find(',') == std::string::npos) return read_config(paths);
  Json all = Json::object();
  for (std::size_t begin = 0; begin <= paths.size();) {
    std::size_t end = std::min(paths.find(',', begin), paths.size());
    TRY(ConfigFile one, read_config(paths.substr(begin, end - begin)));
    Json members = Json::parse(as_text(one.bytes()), nullptr, false, true);
    if (!members.is_object()) return Error{Errc::malformed, paths.substr(begin, end - begin) + ": no JSON object"};
    all.update(members);
    begin = end + 1;
  }
  return parse_config(all.dump(2), paths);
}

}  // namespace

Result<Converted> convert_agent_file(const std::string& path, const AgentSwitches& switches) {
  TRY(ConfigFile file, read_files(path));
  Object root = file.root();
  Converted out;
  Agent agent{root, switches, out, Json::object(), Json::object()};
  out.state_dir = path_of(root.string("storage", kStateDir));
  if (out.state_dir.empty()) out.state_dir = kStateDir;
  auto hash = hash_alg_from_name(root.string("hashAlg", "SHA-256"));
  if (!hash || *hash == HashAlg::sha1) agent.unsupported("hashAlg", "there are SHA-256, SHA-384, SHA-512");
  agent.config["state_dir"] = out.state_dir;
  agent.config["sockets"] = {{{"path", out.state_dir + "/attest.sock"}, {"mode", "0600"}}};
  agent.config["callers"] = own_callers();
  agent.config["policies"] = "policies";
  agent.cmc["hash"] = hash_alg_name(hash.value_or(HashAlg::sha256));
  agent.cmc["remote_calls"] = switches.remote_calls;
  Json roots = paths_of(root, "rootCas");
  read_address(agent);
  read_enrolment(agent, roots);
  read_drivers(agent, hash.value_or(HashAlg::sha256));
  read_metadata(agent);
  read_trust(agent, roots);
  note_unused(agent);
  CHECK_OK(file.finish());
  agent.config["cmc"] = agent.cmc;
  out.json = agent.config.dump(2) + "\n";
  return out;
}

}  // namespace attest
