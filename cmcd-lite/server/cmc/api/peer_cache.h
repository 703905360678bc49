// peer_cache.h: signed metadata of peers, held so that their next reports need not carry it.
#pragma once
#include <list>
#include <map>
#include <memory>
#include <mutex>

#include "evidence/core/hash.h"

namespace attest {

// PeerCache holds, for each peer, the signed items of its last report whose signatures and digests were good. Items are
// kept once, however many peers have them; the peer that was not heard of for longest makes room. Thread safe.
class PeerCache {
 public:
  static constexpr std::size_t kMaxPeers = 4096;
  static constexpr std::size_t kMaxBytes = 64 << 20;  // of items
  static constexpr std::size_t kMaxPeerName = 256;

  // digests of what is held for this peer, as its reports list them; empty for one that is not known.
  std::vector<std::string> digests(const std::string& peer);
  std::vector<Bytes> items(const std::string& peer);
  // put replaces what is held for a peer. Digests are computed here. A peer without a name is not kept.
  void put(const std::string& peer, HashAlg alg, std::span<const View> items);

 private:
  using Item = std::shared_ptr<const Bytes>;
  struct Peer {
    std::map<std::string, Item> items;  // by digest in lower-case hex
    std::list<std::string>::iterator age;
  };
  Item shared(View bytes);
  void touch(Peer& peer);
  void forget_oldest();
  std::mutex mutex_;
  std::map<std::string, Peer> peers_;
  std::list<std::string> ages_;  // oldest first
  std::map<std::string, std::weak_ptr<const Bytes>> known_;  // by SHA-256
  std::shared_ptr<std::size_t> bytes_ = std::make_shared<std::size_t>(0);
};

}  // namespace attest
