#include "verifier/tpm/known_chains.h"

namespace attest {
namespace {

// chain_key: lengths are part of it, so no two chains share a key.
Result<Digest> chain_key(const std::vector<Bytes>& chain) {
  Writer out;
  for (const Bytes& certificate : chain) out.lv32(certificate);
  TRY(Bytes bytes, std::move(out).finish("AK chain"));
  Digest key = sha256(View(bytes));
  if (key.empty()) return Error{Errc::io, "AK chain: OpenSSL gave no hash"};
  return key;
}

}  // namespace

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
