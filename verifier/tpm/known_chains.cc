#include "verifier/tpm/known_chains.h"

#include "verifier/tpm/chain_key.h"

namespace attest {

KnownChains::Fact KnownChains::find(const Digest& key, UnixTime when) {
  std::lock_guard lock(mutex_);
  auto it = known_.find(key);
  if (it == known_.end()) return nullptr;
  const Known& known = it->second;
  bool counts = when >= known.since && when - known.since < kLife && when < (*known.fact)->not_after;
  return counts ? known.fact : nullptr;
}

Result<KnownChains::Fact> KnownChains::verify(const std::vector<Bytes>& chain, UnixTime when) {
  TRY(Digest key, chain_key(chain));
  if (Fact fact = find(key, when)) return fact;
  TRY(auto facts, issuers_.verify(chain, ChainRole::attestation_key, when));
  auto fact = std::make_shared<const Verified<ChainFacts>>(std::move(facts));
  std::lock_guard lock(mutex_);
  if (known_.size() >= kMaxChains) known_.clear();
  known_[key] = {fact, when};
  return Fact(fact);
}

}  // namespace attest
