// access.h: who may ask the daemon for what (docs/THREATS.md, "Local callers").
#pragma once
#include <functional>

#include "cmcd-lite/server/access/peer.h"
#include "cmcd-lite/server/access/rights.h"

namespace attest {

// KeyNames says whether the key with this SHA-256 of its SPKI is the daemon's key of that name, or one it
// replaced.
using KeyNames = std::function<bool(std::string_view name, const Digest& spki)>;

// Grant is the entry under which a call is served.
struct Grant {
  std::string caller;
  std::string service;
};

// Access decides over local callers. Every rule is a list of entries of which one must fit as a whole: user,
// socket, right, role and key in one entry. Immutable.
class Access {
 public:
  Access() = default;
  // own_uid is the daemon's own user: it and root have the right `control` without an entry.
  Access(std::vector<CallerRule> rules, uid_t own_uid) : rules_(std::move(rules)), own_uid_(own_uid) {}

  // Asker is a local process and the callers its socket is restricted to (empty: all).
  struct Asker {
    const LocalPeer& peer;
    const std::vector<std::string>& socket_callers;
  };

  // welcome: some entry fits the process, so that its connection is worth keeping.
  bool welcome(const Asker& asker) const;
  // may checks a right that needs no key: judge, raw, control. denied, naming the entry to add.
  Result<Grant> may(const Asker& asker, Right right) const;
  // may_attest: evidence for role with the key of the handshake. machine is the SPKI of the machine's client
  // key (empty: none), which never serves.
  Result<Grant> may_attest(const Asker& asker, Role role, const Digest& spki, const Digest& machine,
                           const KeyNames& names) const;
  // may_sign: a CertificateVerify of that role with that key.
  Result<Grant> may_sign(const Asker& asker, Role role, const Digest& spki, const Digest& machine,
                         const KeyNames& names) const;
  const std::vector<CallerRule>& rules() const { return rules_; }

 private:
  struct KeyUse {
    Role role;
    const Digest& spki;
    const Digest& machine;
    const KeyNames& names;
  };
  Result<Grant> may_use(const Asker& asker, Right right, const KeyUse& use) const;
  bool key_fits(const CallerRule& rule, const KeyUse& use) const;
  bool listed_elsewhere(const CallerRule& rule, const KeyUse& use) const;
  std::vector<CallerRule> rules_;
  uid_t own_uid_ = 0;
};

}  // namespace attest
