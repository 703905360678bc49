// known_keys.h: evidence of peers whose quote answered a nonce of ours: their short-lived keys, and their logs.
#pragma once
#include <list>
#include <mutex>

#include "cmcd-lite/server/process/elapsed.h"
#include "verifier/appraise.h"

namespace attest {

// RememberedKey is a fact about a peer's key and the moment the nonce was issued that its quote answered.
struct RememberedKey {
  std::shared_ptr<const QuotedKey> fact;
  Moment issued;
};

// KnownKeys keeps facts by the name and role the peer was accepted under: for each name the newest of every
// machine, at most kMaxKnownKeys. What they are worth is judged anew in every handshake. Thread safe.
class KnownKeys {
 public:
  static constexpr std::size_t kMaxPeers = 1024;
  static constexpr std::size_t kMaxBytes = 8 << 20;  // of evidence

  // add: size is what the fact takes of memory. The peer used longest ago goes where there are too many, or
  // too much; what would take half of kMaxBytes alone is not kept.
  void add(const std::string& peer, Role prover, std::shared_ptr<const QuotedKey> fact, const Moment& issued,
           std::size_t size);
  // newest_log is the evidence of the machine met last under this name, its logs to be named as known; null if
  // there is none, or if its logs are of too many segments or in doubt.
  std::shared_ptr<const QuotedKey> newest_log(const std::string& peer, Role prover);
  // doubt: a handshake that named these logs was refused. They are not named again, so that the next one brings
  // all of them.
  void doubt(const std::string& peer, Role prover, const std::shared_ptr<const QuotedKey>& fact);
  // find: the keys of a peer not older than max_age_s, newest first.
  std::vector<RememberedKey> find(const std::string& peer, Role prover, std::uint32_t max_age_s,
                                  const Moment& now);
  std::size_t size() const;

 private:
  struct Entry {
    RememberedKey key;
    std::size_t size = 0;
    bool name_logs = false;
  };
  struct Peer {
    std::string name;
    Role prover = Role::server;
    std::vector<Entry> keys;  // newest first
  };
  using Peers = std::list<Peer>;
  Peers::iterator find_peer(const std::string& peer, Role prover);
  void drop(Peer& peer, std::size_t at);
  void shrink();
  mutable std::mutex mutex_;
  Peers peers_;  // used last first
  std::size_t bytes_ = 0;
};

}  // namespace attest
