#include "verifier/tpm/key_trust.h"

#include <algorithm>

#include "evidence/core/hex.h"
#include "verifier/identity.h"

namespace attest {
namespace {

bool listed(const std::vector<std::string>& names, View name) { return std::ranges::find(names, to_hex(name)) != names.end(); }

// vouched: claims of an Azure machine came beside the quote. Whether they are genuine and name this key is verify_azure's to say,
// and without its pass nothing is trusted.
bool vouched(const Case& c) {
  return anchor_allowed(c, AnchorKind::azure) &&
         std::ranges::any_of(c.evidence.anchors, [](const Anchor& a) { return std::holds_alternative<AzureAnchor>(a); });
}

// certified: the chain ends at one of our issuers, and its leaf certifies this very key.
Failed certified(const Case& c, const PublicArea& ak, const std::vector<Bytes>& chain) {
  constexpr const char* kRemedy = "enroll the peer (attestctl enroll), or pin its AK under ak_names";
  std::string who = "AK " + short_hex(View(ak.name()).subspan(2)) + "";
  if (c.policy.ak_trust == nullptr) return failed(check::kAkUntrusted, who + " is not pinned and the policy names no AK issuer", kRemedy);
  if (chain.empty()) return failed(check::kAkUntrusted, who + " comes without a certificate and is not pinned", kRemedy);
  auto facts = c.policy.ak_trust->verify(chain, c.question.now);
  if (!facts) return failed(check::kAkUntrusted, who + ": " + facts.error().what, kRemedy);
  if (EVP_PKEY_eq((**facts)->key.get(), ak.key.get()) != 1)
    return failed(check::kAkUntrusted, "the certificate of " + (**facts)->subject + " is for another key than " + who);
  return {};
}

}  // namespace

bool denied_key(const Policy& policy, View name) { return listed(policy.denied_aks, name); }
bool pinned_key(const PeerRule& rule, View name) { return listed(rule.ak_names, name); }

Failed check_ak_name(const Case& c, const PublicArea& ak, const AnchorIdentity& identity) {
  Bytes name = ak.name();
  if (name.empty() || name != identity.id)
    return failed(check::kEvidenceInconsistent, "the report context names AK " + to_hex(identity.id) + ", the evidence carries " + to_hex(name));
  if (denied_key(c.policy, name))
    return failed(check::kAkDenied, "AK " + to_hex(name) + " is on the deny list of policy \"" + c.policy.name + "\"",
                  "give the machine a new AK if it is good again");
  return {};
}

Failed check_ak_trust(const Case& c, const PublicArea& ak, const std::vector<Bytes>& chain) {
  if (c.rule.ak_names.empty()) return vouched(c) ? Failed{} : certified(c, ak, chain);
  if (pinned_key(c.rule, ak.name())) return {};
  return failed(check::kAkUntrusted,
                "AK " + to_hex(ak.name()) + " is none of those that rule \"" + c.rule.name + "\" pins",
                "if this is the right machine (attestctl status there prints its AK), list it under ak_names");
}

}  // namespace attest
