#include "cmcd-lite/server/cmc/api/peer_cache.h"

#include <algorithm>

#include "evidence/core/hex.h"

namespace attest {

std::vector<std::string> PeerCache::digests(const std::string& peer) {
  std::lock_guard lock(mutex_);
  std::vector<std::string> out;
  auto at = peers_.find(peer);
  if (at == peers_.end()) return out;
  for (const auto& [digest, item] : at->second.items) out.push_back(digest);
  return out;
}

std::vector<Bytes> PeerCache::items(const std::string& peer) {
  std::lock_guard lock(mutex_);
  std::vector<Bytes> out;
  auto at = peers_.find(peer);
  if (at == peers_.end()) return out;
  touch(at->second);
  for (const auto& [digest, item] : at->second.items) out.push_back(*item);
  return out;
}

void PeerCache::put(const std::string& peer, HashAlg alg, std::span<const View> items) {
  if (peer.empty() || peer.size() > kMaxPeerName) return;
  std::lock_guard lock(mutex_);
  auto [at, fresh] = peers_.try_emplace(peer);
  if (fresh) at->second.age = ages_.insert(ages_.end(), peer);
  touch(at->second);
  std::map<std::string, Item> now;
  for (View item : items) {
    auto known = std::ranges::find_if(at->second.items, [&](const auto& held) { return equal(*held.second, item); });
    bool same_alg = known != at->second.items.end() && known->first.size() == 2 * digest_size(alg);
    same_alg ? now.insert(*known) : now.emplace(to_hex(hash_of(alg, {item}).view()), shared(item));
  }
  at->second.items = std::move(now);
  while (peers_.size() > kMaxPeers || (*bytes_ > kMaxBytes && !peers_.empty())) forget_oldest();
}

// shared is the copy that is kept of these bytes; the last peer that has it takes it along.
PeerCache::Item PeerCache::shared(View bytes) {
  std::string digest = to_hex(sha256(bytes).view());
  auto& slot = known_[digest];
  if (Item item = slot.lock()) return item;
  *bytes_ += bytes.size();
  Item item(new Bytes(to_bytes(bytes)), [total = bytes_](const Bytes* gone) {
    *total -= gone->size();
    delete gone;
  });
  slot = item;
  if (known_.size() > 2 * kMaxPeers) std::erase_if(known_, [](const auto& entry) { return entry.second.expired(); });
  return item;
}

void PeerCache::touch(Peer& peer) { ages_.splice(ages_.end(), ages_, peer.age); }

void PeerCache::forget_oldest() {
  auto at = peers_.find(ages_.front());
  ages_.pop_front();
  peers_.erase(at);
}

}  // namespace attest
