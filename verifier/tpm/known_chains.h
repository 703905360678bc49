// known_chains.h: AK chains that were verified a moment ago.
#pragma once
#include <memory>
#include <mutex>
#include <unordered_map>

#include "evidence/x509/chain.h"

namespace attest {

// KnownChains remembers facts, never verdicts: this chain led to an AK issuer, and certifies this key. A machine that
// connects a hundred times a second is not verified a hundred times. A fact counts for kLife seconds and never beyond the
// validity of chain and CRLs; roots and CRLs are those of one policy, which owns this, so a reload forgets everything. Thread safe.
class KnownChains {
 public:
  static constexpr UnixTime kLife = 60;          // seconds
  static constexpr std::size_t kMaxChains = 256;  // then it starts anew
  using Fact = ChainFact;

  explicit KnownChains(TrustStore issuers) : issuers_(std::move(issuers)) {}
  // verify judges a chain as TrustStore::verify does in the role of an attestation key. Failures are not remembered.
  Result<Fact> verify(const std::vector<Bytes>& chain, UnixTime when);

 private:
  struct Known {
    Fact fact;
    UnixTime since = 0;
  };
  Fact find(const Digest& key, UnixTime when);
  TrustStore issuers_;
  std::mutex mutex_;
  std::unordered_map<Digest, Known, DigestHash> known_;
};

}  // namespace attest
