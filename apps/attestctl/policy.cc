// attestctl policy check: what a policy file says, before the daemon reads it.
#include <cstdio>

#include "apps/attestctl/commands.h"
#include "apps/attestctl/style.h"
#include "evidence/core/hex.h"
#include "verifier/policy.h"

namespace attest::ctl {
namespace {

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

// rule_text says a rule in words: `db.example as server: image db, AK 000b3f…, service postgresql, anchors
// tpm`.
std::string rule_text(const PeerRule& rule, bool verbose) {
  std::string text = rule.name + (rule.role ? std::string(" as ") + role_name(*rule.role) : "") + ":";
  if (!rule.image_descriptions.empty()) text += " image " + joined(rule.image_descriptions) + ";";
  for (const std::string& ak : rule.ak_names) text += " AK " + short_or_whole(ak, verbose) + ";";
  if (!rule.services.empty()) text += " service " + joined(rule.services) + ";";
  if (rule.certified_key) text += " TLS key in the TPM;";
  text += " needs";
  for (AnchorKind kind : rule.required_anchors) text += std::string(" ") + anchor_name(kind);
  bool software = std::ranges::find(rule.allowed_anchors, AnchorKind::sw) != rule.allowed_anchors.end();
  return text + (software ? "; allows the software driver, which proves nothing about hardware" : "");
}

Json document(const Policy& policy) {
  Json rules = Json::array();
  for (const PeerRule& rule : policy.peers) rules.push_back(rule_text(rule, true));
  return {{"name", policy.name},
          {"hash", to_hex(policy.hash.view())},
          {"observe", policy.observe},
          {"peers", rules},
          {"ak_issuers", policy.ak_issuer_roots.size()},
          {"ima_required", policy.ima_required}};
}

Result<Exit> check(const Session& session, const std::string& path) {
  Result<Policy> policy = load_policy(path);
  if (!policy) {
    if (session.json)
      print_json({{"ok", false}, {"text", policy.error().what}});
    else
      row("refused", policy.error().what, Tone::bad);
    return Exit::refused;
  }
  if (session.json) return print_json(document(*policy));
  row("policy", path + "   hash " + short_or_whole(to_hex(policy->hash.view()), session.verbose));
  row("AKs", "issuers " + std::to_string(policy->ak_issuer_roots.size()) + ", CRLs " +
                 std::to_string(policy->ak_crls.size()) + ", denied " +
                 std::to_string(policy->denied_aks.size()));
  for (const PeerRule& rule : policy->peers) row("peer", rule_text(rule, session.verbose));
  if (policy->observe)
    row("warning", "observe: judges and logs, refuses nothing; it protects nobody", Tone::warn);
  return settle(session, policy->observe);
}

}  // namespace

void add_policy(CLI::App& app_, Session& session) {
  CLI::App* policy = group(app_, "policy", "the rules for peers");
  auto path = std::make_shared<std::string>();
  CLI::App* app = command(*policy, session, "check", "read a policy file and say what it demands",
                          [path](Session& s) { return check(s, *path); });
  app->add_option("FILE", *path, "policy file")->required();
}

}  // namespace attest::ctl
