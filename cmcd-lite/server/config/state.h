// state.h: everything that a reload replaces, as one immutable whole.
#pragma once
#include <map>
#include <memory>

#include "cmcd-lite/server/access/access.h"
#include "cmcd-lite/server/cmc/fleet.h"
#include "cmcd-lite/server/config/config.h"
#include "cmcd-lite/server/freshness/epochs.h"
#include "cmcd-lite/server/freshness/set_memory.h"
#include "evidence/native/request.h"
#include "verifier/active_set.h"
#include "verifier/policy.h"

namespace attest {

// OwnMetadata is what this machine says of itself: its image description, then the manifests it names, in
// layer order.
struct OwnMetadata {
  std::string image;
  std::vector<std::shared_ptr<const MetadataItem>> items;
};

// State is configuration, access rules, policies and metadata that were read together. Held by shared
// pointer: a call that began under one State ends under it.
struct State {
  Config config;
  Access access;
  std::map<std::string, std::shared_ptr<const Policy>, std::less<>> policies;
  std::shared_ptr<const ActiveSet> active;
  OwnMetadata own;
  std::optional<FollowedList> follow;  // to be remembered before this state is in force
  std::shared_ptr<const Fleet> fleet;  // of the CMC API
  std::vector<Bytes> machine_chain;  // DER, leaf first
  Digest machine_spki;               // empty: none
  std::vector<EpochSource> epochs;   // where Epoch IDs to quote come from
  std::vector<std::string> warnings;
  UnixTime loaded = 0;

  // policy finds a policy by the name a caller gave; "" is "default". denied "daemon.policy" if there is
  // none.
  Result<std::shared_ptr<const Policy>> policy(std::string_view name) const;
  // socket_callers: the callers a socket is restricted to; empty: all.
  const std::vector<std::string>& socket_callers(std::string_view path) const;
};

// remember_list writes down which set list a state follows; io if it cannot, and the state must then not be in force: a later
// rollback would go unnoticed.
Status remember_list(const State& state);

// load_state reads the configuration and all it names. Any mistake in configuration, policies or signer roots
// is an error of the whole; a missing certificate, metadata that does not verify or a missing image are
// warnings, because what they would have allowed is then denied.
Result<std::shared_ptr<const State>> load_state(const std::string& config_path, UnixTime now);

// listed: the policy has a rule of its own for this peer, not only one for everybody.
bool listed(const Policy& policy, std::string_view peer, Role prover);
// listed_by_any: some policy of this machine has; false for a peer without a name.
bool listed_by_any(const State& state, std::string_view peer, Role prover);

// known_digests: prefixes of the metadata the rule for this peer may need, for the request of a handshake:
// image descriptions first, at most kMaxKnownDigests. Empty for peers without a rule of their own ("*"): what
// we hold is nobody else's business.
std::vector<Bytes> known_digests(const Policy& policy, const ActiveSet& active, std::string_view peer,
                                 Role prover);

}  // namespace attest
