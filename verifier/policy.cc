#include "verifier/policy.h"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <set>

#include "evidence/core/file.h"
#include "evidence/core/hex.h"
#include "evidence/json/config.h"
#include "evidence/native/message.h"
#include "verifier/appraisers.h"
#include "verifier/dcap/folder.h"
#include "evidence/tpm/tpm_ids.h"
#include "evidence/native/request.h"

namespace attest {
namespace {

constexpr std::size_t kMinName = 32;  // bytes: SHA-256 of a software key
constexpr std::size_t kMaxName = 66;  // bytes: nameAlg and SHA-512

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

// key_names reads a list of TPM names in hex.
std::vector<std::string> key_names(const Object& object, std::string_view key) {
  std::vector<std::string> out;
  for (const std::string& name : object.strings(key)) {
    auto bytes = from_hex(name, kMaxName);
    if (!bytes || bytes->size() < kMinName)
      object.fail(key, "must list names of attestation keys, 64 to 132 hex digits each (attestctl status prints them)");
    out.push_back(lower(name));
  }
  return out;
}

std::vector<Bytes> digests(const Object& object, std::string_view key) {
  std::vector<Bytes> out;
  for (const std::string& text : object.strings(key)) {
    auto bytes = from_hex(text, tpm::kMaxDigest);
    if (bytes && bytes->size() >= kMinName)
      out.push_back(*std::move(bytes));
    else
      object.fail(key, "must list authPolicy digests in hex, 32 to 64 bytes each");
  }
  return out;
}

std::optional<AnchorKind> judged_anchor(std::string_view name) {
  for (const Appraiser& appraiser : appraisers())
    if (name == anchor_name(appraiser.kind)) return appraiser.kind;
  return std::nullopt;
}

std::string judged_anchors() {
  std::string out;
  for (const Appraiser& appraiser : appraisers())
    out += (out.empty() ? "\"" : ", \"") + std::string(anchor_name(appraiser.kind)) + "\"";
  return out;
}

std::vector<AnchorKind> anchors(const Object& object, std::string_view key) {
  std::vector<AnchorKind> out;
  for (const std::string& name : object.strings(key)) {
    auto kind = judged_anchor(name);
    if (!kind) {
      object.fail(key, "must list anchors this version judges: " + judged_anchors());
      continue;
    }
    if (std::ranges::find(out, *kind) == out.end()) out.push_back(*kind);
  }
  return out;
}

bool contains(const auto& list, const auto& value) { return std::ranges::find(list, value) != list.end(); }

// read_anchors: what is required is allowed; what is allowed is required unless both lists are given. The software driver is
// never meant by silence.
void read_anchors(const Object& object, PeerRule& rule) {
  bool required = object.has("required_anchors");
  bool allowed = object.has("allowed_anchors");
  if (required) rule.required_anchors = anchors(object, "required_anchors");
  if (allowed) rule.allowed_anchors = anchors(object, "allowed_anchors");
  if (required && !allowed) rule.allowed_anchors = rule.required_anchors;
  if (allowed && !required)
    rule.required_anchors =
        contains(rule.allowed_anchors, AnchorKind::tpm) ? std::vector{AnchorKind::tpm} : rule.allowed_anchors;
  if (rule.allowed_anchors.empty())
    object.fail(allowed ? "allowed_anchors" : "required_anchors", "must name at least one anchor");
  for (AnchorKind kind : rule.required_anchors)
    if (!contains(rule.allowed_anchors, kind)) object.fail("required_anchors", "must be among \"allowed_anchors\"");
}

void check_name(const Object& object, const std::string& name) {
  bool wildcard = name.starts_with("*.");
  std::string_view rest = std::string_view(name).substr(wildcard ? 2 : 0);
  if (name == "*") return;
  if (rest.empty() || rest.find('*') != std::string_view::npos)
    object.fail("name", "must be a name, \"*.domain\" or \"*\"");
}

void check_demands(const Object& object, const PeerRule& rule, bool issuers) {
  if (rule.ak_names.empty() && rule.image_descriptions.empty())
    object.fail("name", "demands neither \"ak_names\" nor \"image_descriptions\": every machine of the world would pass");
  if (rule.ak_names.empty() && contains(rule.allowed_anchors, AnchorKind::sw))
    object.fail("allowed_anchors", "allows the software driver, so \"ak_names\" must pin its key: no issuer vouches for it");
  bool azure = contains(rule.allowed_anchors, AnchorKind::azure);
  if (azure && !contains(rule.required_anchors, AnchorKind::tpm))
    object.fail("required_anchors", "must name \"tpm\" beside \"azure\": the vTPM's quote is what is fresh");
  if (rule.ak_names.empty() && contains(rule.allowed_anchors, AnchorKind::tpm) && !issuers && !azure)
    object.fail("name", "pins no \"ak_names\" and the policy has no \"ak_issuers\": no attestation key could be trusted");
}

PeerRule read_rule(const Object& object, bool issuers) {
  PeerRule rule;
  rule.name = lower(object.string("name"));
  check_name(object, rule.name);
  std::string role = object.choice("role", {"server", "client", "both"}, "both");
  if (role == "server") rule.role = Role::server;
  if (role == "client") rule.role = Role::client;
  rule.ak_names = key_names(object, "ak_names");
  rule.image_descriptions = object.strings("image_descriptions");
  rule.services = object.strings("services");
  rule.certified_key = object.choice("tls_key", {"any", "certified"}, "any") == std::string_view("certified");
  read_anchors(object, rule);
  if (rule.certified_key && !contains(rule.allowed_anchors, AnchorKind::tpm))
    object.fail("tls_key", "demands a key certified by a TPM, and the rule allows no TPM");
  check_demands(object, rule, issuers);
  return rule;
}

// HiddenRules notices a rule that can never match because an earlier one takes all it could.
class HiddenRules {
 public:
  bool hidden(const PeerRule& rule) const {
    if (rule.role) return seen(rule.name, *rule.role);
    return seen(rule.name, Role::server) && seen(rule.name, Role::client);
  }
  void add(const PeerRule& rule) {
    for (Role role : {Role::server, Role::client})
      if (rule.role.value_or(role) == role) seen_.insert({rule.name, role});
  }

 private:
  bool seen(const std::string& name, Role role) const {
    return seen_.contains({name, role}) || seen_.contains({"*", role});
  }
  std::set<std::pair<std::string, Role>> seen_;
};

void read_peers(const Object& root, Policy& policy) {
  HiddenRules hidden;
  for (const Object& object : root.objects("peers")) {
    PeerRule rule = read_rule(object, policy.ak_trust != nullptr);
    if (hidden.hidden(rule)) object.fail("name", "is never reached: an earlier rule matches all it would match");
    hidden.add(rule);
    policy.peers.push_back(std::move(rule));
  }
  if (policy.peers.empty()) root.fail("peers", "must list at least one rule: without one every peer is refused");
}

// read_files reads the certificates or CRLs of every file a key lists; paths are relative to the policy file.
template <class Read>
std::vector<Bytes> read_files(const Object& root, std::string_view key, const std::filesystem::path& folder, Read read) {
  std::vector<Bytes> out;
  for (const std::string& name : root.strings(key)) {
    auto items = read((folder / name).lexically_normal().string());
    if (!items) {
      root.fail(key, "names a file that cannot be used: " + items.error().what);
      continue;
    }
    for (Bytes& item : *items) out.push_back(std::move(item));
  }
  return out;
}

void read_trust(const Object& root, const std::filesystem::path& folder, Policy& policy) {
  policy.ak_issuer_roots = read_files(root, "ak_issuers", folder, read_certificates);
  policy.ak_crls = read_files(root, "ak_crls", folder, read_crls);
  policy.denied_aks = key_names(root, "denied_aks");
  policy.tls_key_policies = digests(root, "tls_key_policies");
  if (policy.ak_issuer_roots.empty()) {
    if (!policy.ak_crls.empty()) root.fail("ak_crls", "has no meaning without \"ak_issuers\"");
    return;
  }
  auto trust = TrustStore::make(policy.ak_issuer_roots, policy.ak_crls);
  if (!trust) return root.fail("ak_issuers", "cannot be used: " + trust.error().what);
  policy.ak_trust = std::make_shared<KnownChains>(*std::move(trust));
}

// read_snp: AMD's own roots count unless the policy names others.
void read_snp(const Object& root, const std::filesystem::path& folder, Policy& policy) {
  std::vector<Bytes> roots(amd_certificates().begin(), amd_certificates().end()), crls;
  auto snp = root.object("snp");
  if (snp) {
    policy.snp = read_snp_policy(*snp);
    if (snp->has("roots")) roots = read_files(*snp, "roots", folder, read_certificates);
    crls = read_files(*snp, "crls", folder, read_crls);
  }
  auto trust = SnpTrust::make(roots, crls);
  if (trust)
    policy.snp_trust = std::make_shared<const SnpTrust>(*std::move(trust));
  else if (snp)
    snp->fail("roots", "cannot be used: " + trust.error().what);
}

// read_intel: Intel's own root counts unless the policy names others. Broken collateral is an error: left out, it would only
// come to light as a refusal.
void read_intel(const Object& root, const std::filesystem::path& folder, Policy& policy) {
  policy.dcap = read_dcap_demands(root);
  auto intel = root.object("intel");
  std::vector<Bytes> named = intel ? read_files(*intel, "roots", folder, read_certificates) : std::vector<Bytes>{};
  auto roots = Issuers::make(named);
  if (!roots) {
    if (intel) intel->fail("roots", "cannot be used: " + roots.error().what);
    return;
  }
  DcapTrust trust{*std::move(roots), {}};
  if (intel && intel->has("collateral")) {
    std::vector<std::string> problems;
    auto collateral = read_collateral_folder((folder / intel->string("collateral")).lexically_normal(), problems);
    if (!collateral || !problems.empty())
      return intel->fail("collateral", "cannot be used: " + (collateral ? problems.front() : collateral.error().what));
    auto checked = CheckedCollateral::make(*std::move(collateral), trust.roots);
    if (checked) trust.collateral = *std::move(checked);
  }
  policy.dcap_trust = std::make_shared<const DcapTrust>(std::move(trust));
}

// read_azure: settings of vm-configuration; what is demanded of the processor stands under "snp", "tdx" and "intel".
void read_azure(const Object& root, Policy& policy) {
  policy.azure.snp = policy.snp;
  auto azure = root.object("azure");
  if (auto configuration = azure ? azure->object("configuration") : std::nullopt)
    policy.azure.configuration = read_azure_configuration(*configuration);
}

void read_pcrs(const Object& root, Policy& policy) {
  if (root.has("required_pcrs")) {
    std::set<std::uint8_t> pcrs;
    for (std::int64_t pcr : root.integers("required_pcrs", 0, 23)) pcrs.insert(static_cast<std::uint8_t>(pcr));
    policy.required_pcrs.assign(pcrs.begin(), pcrs.end());
    if (pcrs.empty()) root.fail("required_pcrs", "must name at least one PCR: a quote of none proves nothing");
  }
  if (root.has("banks")) {
    policy.banks.clear();
    for (const std::string& name : root.strings("banks")) {
      auto bank = hash_alg_from_name(name);
      if (!bank || *bank == HashAlg::sha1)
        root.fail("banks", "must list \"sha256\", \"sha384\" or \"sha512\"");
      else
        policy.banks.push_back(*bank);
    }
    if (policy.banks.empty()) root.fail("banks", "must name at least one bank");
  }
  policy.ima_required = root.boolean("ima", false);
  policy.ima_padded_sha1 = root.boolean("ima_padded_sha1", false);
  policy.max_events =
      static_cast<std::uint32_t>(root.integer("max_events", 1, kMaxLogEvents, Policy::kMaxLogEventsDefault));
}

void read_freshness(const Object& root, const std::filesystem::path& folder, Policy& policy) {
  policy.max_age_s = static_cast<std::uint32_t>(root.integer("max_age", 0, 3600, 0));
  policy.epoch_skew_s = static_cast<std::uint32_t>(root.integer("epoch_skew", 0, 300, policy.epoch_skew_s));
  for (const std::string& name : root.strings("epoch_distributors")) {
    auto pem = read_file((folder / name).lexically_normal().string(), 1 << 16);
    auto spki = pem ? read_distributor_key(*pem) : Result<Bytes>(pem.error());
    if (!spki) {
      root.fail("epoch_distributors", "names a file that cannot be used: " + spki.error().what);
      continue;
    }
    policy.distributors.push_back({sha256(View(*spki)), *spki});
  }
  if (policy.distributors.size() > kMaxDistributors) root.fail("epoch_distributors", "must name at most two");
  if (!policy.distributors.empty() && policy.max_age_s == 0) root.fail("epoch_distributors", "has no meaning without \"max_age\"");
}

}  // namespace

Result<Policy> load_policy(const std::string& path) {
  TRY(ConfigFile file, read_config(path));
  std::filesystem::path where(path);
  Policy policy;
  policy.name = where.stem().string();
  policy.hash = sha256(file.bytes());
  Object root = file.root();
  policy.observe = root.boolean("observe", false);
  read_trust(root, where.parent_path(), policy);
  read_snp(root, where.parent_path(), policy);
  read_intel(root, where.parent_path(), policy);
  read_azure(root, policy);
  read_pcrs(root, policy);
  read_freshness(root, where.parent_path(), policy);
  read_peers(root, policy);
  CHECK_OK(file.finish());
  return policy;
}

namespace {

bool name_matches(std::string_view rule, std::string_view peer) {
  if (rule == "*" || rule == peer) return true;
  if (!rule.starts_with("*.")) return false;
  std::size_t dot = peer.find('.');
  return dot != std::string_view::npos && dot > 0 && peer.substr(dot) == rule.substr(1);
}

}  // namespace

const PeerRule* find_rule(const Policy& policy, std::string_view peer, Role prover) {
  std::string name = lower(peer);
  if (name.ends_with('.')) name.pop_back();
  for (const PeerRule& rule : policy.peers)
    if (rule.role.value_or(prover) == prover && name_matches(rule.name, name)) return &rule;
  return nullptr;
}

}  // namespace attest
