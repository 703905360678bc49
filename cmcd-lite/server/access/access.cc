#include "cmcd-lite/server/access/access.h"

#include "evidence/core/hex.h"

namespace attest {
namespace {

bool in_group(const LocalPeer& peer, gid_t gid) {
  return peer.gid == gid || std::ranges::find(peer.groups, gid) != peer.groups.end();
}

bool fits(const CallerRule& rule, const Access::Asker& asker) {
  const auto& named = asker.socket_callers;
  if (!named.empty() && std::ranges::find(named, rule.name) == named.end()) return false;
  if (rule.any_uid) return !rule.gid || in_group(asker.peer, *rule.gid);
  if (!rule.uid && !rule.gid) return false;
  return (!rule.uid || *rule.uid == asker.peer.uid) && (!rule.gid || in_group(asker.peer, *rule.gid));
}

std::string who(const Access::Asker& asker) { return "uid " + std::to_string(asker.peer.uid); }

// names_key: this very rule names the key, by whatever name.
bool names_key(const KeyRule& rule, const Digest& spki, const Digest& machine, const KeyNames& names) {
  using Kind = KeyRule::Kind;
  switch (rule.kind) {
    case Kind::certificate:
    case Kind::spki:
      return !rule.spki.empty() && rule.spki == spki;
    case Kind::name:
      return names(rule.text, spki);
    case Kind::machine:
      return machine == spki;
    case Kind::any:
      return false;
  }
  return false;
}

}  // namespace

bool Access::welcome(const Asker& asker) const {
  if (asker.peer.uid == 0 || asker.peer.uid == own_uid_) return true;
  return std::ranges::any_of(rules_, [&](const CallerRule& rule) { return fits(rule, asker); });
}

Result<Grant> Access::may(const Asker& asker, Right right) const {
  for (const CallerRule& rule : rules_)
    if (rule.has(right) && fits(rule, asker)) return Grant{rule.name, rule.service};
  if (right == Right::control && (asker.peer.uid == 0 || asker.peer.uid == own_uid_))
    return Grant{asker.peer.uid == 0 ? "root" : "daemon", ""};
  return Error{Errc::denied, "daemon.denied: " + who(asker) + " has no right to " + right_name(right) +
                                 " here (an entry of \"callers\" in cmcd.json gives it)"};
}

bool Access::listed_elsewhere(const CallerRule& rule, const KeyUse& use) const {
  for (const CallerRule& other : rules_) {
    if (&other == &rule) continue;
    for (const KeyRule& key : other.keys)
      if (key.kind != KeyRule::Kind::machine && names_key(key, use.spki, use.machine, use.names)) return true;
  }
  return false;
}

bool Access::key_fits(const CallerRule& rule, const KeyUse& use) const {
  for (const KeyRule& key : rule.keys) {
    if (names_key(key, use.spki, use.machine, use.names)) return true;
    if (key.kind == KeyRule::Kind::any && !listed_elsewhere(rule, use)) return true;
  }
  return false;
}

Result<Grant> Access::may_use(const Asker& asker, Right right, const KeyUse& use) const {
  if (use.spki.empty()) return Error{Errc::denied, "daemon.denied: no key to judge the call by"};
  if (use.role == Role::server && !use.machine.empty() && use.machine == use.spki)
    return Error{Errc::denied, "daemon.denied: the machine's certificate is for clients and never serves"};
  bool right_somewhere = false;
  for (const CallerRule& rule : rules_) {
    if (!rule.has(right) || !fits(rule, asker)) continue;
    right_somewhere = true;
    bool role = std::ranges::find(rule.roles, use.role) != rule.roles.end();
    if (role && key_fits(rule, use)) return Grant{rule.name, rule.service};
  }
  if (!right_somewhere) return may(asker, right);
  return Error{Errc::denied,
               "daemon.denied: " + who(asker) + " may not " + right_name(right) + " as " +
                   role_name(use.role) + " with key " + short_hex(use.spki.view()) +
                   " (its entry in \"callers\" names other keys or roles; after a renewed certificate: "
                   "systemctl reload cmcd-lite)"};
}

Result<Grant> Access::may_attest(const Asker& asker, Role role, const Digest& spki, const Digest& machine,
                                 const KeyNames& names) const {
  return may_use(asker, Right::attest, {role, spki, machine, names});
}

Result<Grant> Access::may_sign(const Asker& asker, Role role, const Digest& spki, const Digest& machine,
                               const KeyNames& names) const {
  return may_use(asker, Right::sign, {role, spki, machine, names});
}

}  // namespace attest
