// known_facts.h: what was computed a moment ago and cannot come out differently.
#pragma once
#include <memory>
#include <mutex>
#include <unordered_map>
#include <unordered_set>

#include "evidence/logs/expand.h"
#include "evidence/tpm/public_area.h"

namespace attest {

// KnownFacts keeps results of pure computations under a hash of everything that went in: where a log leads,
// what key a public area holds, that a key made a signature. No time, no policy and no name goes in, so no
// verdict comes out; each handshake is judged anew. A machine that connects a hundred times a second is not
// computed a hundred times. Failures are not kept. Thread safe; full means empty: what is needed comes back.
class KnownFacts {
 public:
  static constexpr std::size_t kMaxLogs = 64;
  static constexpr std::size_t kMaxKeys = 64;
  static constexpr std::size_t kMaxProofs = 1024;
  using PcrValues = std::array<Digest, 24>;

  // replay: the PCRs behind these events, as replay_events() leaves them.
  Result<std::shared_ptr<const PcrValues>> replay(const std::vector<ExpandedEvent>& events, HashAlg bank,
                                                  std::uint8_t startup_locality);
  // public_area: parse_public().
  Result<std::shared_ptr<const PublicArea>> public_area(View tpmt_public);
  // prove runs `check` unless it passed before under this statement, which must name all that `check` looks
  // at.
  template <class Check>
  Status prove(const Digest& statement, Check&& check) {
    if (statement.empty()) return check();
    if (proved(statement)) return ok();
    CHECK_OK(check());
    keep(statement);
    return ok();
  }

 private:
  bool proved(const Digest& statement);
  void keep(const Digest& statement);
  template <class T>
  using Known = std::unordered_map<Digest, std::shared_ptr<const T>, DigestHash>;
  template <class T>
  std::shared_ptr<const T> find(const Known<T>& known, const Digest& key);
  template <class T>
  std::shared_ptr<const T> keep(Known<T>& known, std::size_t limit, const Digest& key, T value);

  std::mutex mutex_;
  Known<PcrValues> logs_;
  Known<PublicArea> keys_;
  std::unordered_set<Digest, DigestHash> proofs_;
};

}  // namespace attest
