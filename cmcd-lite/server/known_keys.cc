#include "cmcd-lite/server/known_keys.h"

#include "evidence/native/request.h"

namespace attest {

KnownKeys::Peers::iterator KnownKeys::find_peer(const std::string& peer, Role prover) {
  return std::ranges::find_if(peers_, [&](const Peer& p) { return p.prover == prover && p.name == peer; });
}

void KnownKeys::drop(Peer& peer, std::size_t at) {
  bytes_ -= peer.keys[at].size;
  peer.keys.erase(peer.keys.begin() + static_cast<std::ptrdiff_t>(at));
}

void KnownKeys::shrink() {
  while (peers_.size() > kMaxPeers || (bytes_ > kMaxBytes && !peers_.empty())) {
    while (!peers_.back().keys.empty()) drop(peers_.back(), peers_.back().keys.size() - 1);
    peers_.pop_back();
  }
}

void KnownKeys::add(const std::string& peer, Role prover, std::shared_ptr<const QuotedKey> fact,
                    const Moment& issued, std::size_t size) {
  std::lock_guard lock(mutex_);
  auto at = find_peer(peer, prover);
  if (at == peers_.end()) at = peers_.insert(peers_.begin(), Peer{peer, prover, {}});
  peers_.splice(peers_.begin(), peers_, at);
  Peer& entry = peers_.front();
  for (std::size_t i = entry.keys.size(); i-- > 0;)
    if (entry.keys[i].key.fact->context.anchors == fact->context.anchors) drop(entry, i);
  entry.keys.insert(entry.keys.begin(), Entry{{std::move(fact), issued}, size});
  bytes_ += size;
  while (entry.keys.size() > kMaxKnownKeys) drop(entry, entry.keys.size() - 1);
  shrink();
}

std::vector<RememberedKey> KnownKeys::find(const std::string& peer, Role prover, std::uint32_t max_age_s,
                                           const Moment& now) {
  std::vector<RememberedKey> out;
  std::lock_guard lock(mutex_);
  auto at = find_peer(peer, prover);
  if (at == peers_.end()) return out;
  peers_.splice(peers_.begin(), peers_, at);
  for (const Entry& entry : peers_.front().keys)
    if (elapsed_ms(entry.key.issued, now) < std::int64_t{max_age_s} * 1000) out.push_back(entry.key);
  return out;
}

std::size_t KnownKeys::size() const {
  std::lock_guard lock(mutex_);
  std::size_t n = 0;
  for (const Peer& peer : peers_) n += peer.keys.size();
  return n;
}

}  // namespace attest
