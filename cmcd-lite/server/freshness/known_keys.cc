#include "cmcd-lite/server/freshness/known_keys.h"

#include "evidence/logs/prefix.h"
#include "evidence/native/request.h"

namespace attest {
namespace {

bool may_be_named(const QuotedKey& fact) {
  if (!fact.facts.log || fact.facts.log->prefix.empty()) return false;
  for (const Anchor& anchor : fact.evidence.anchors)
    if (const auto* tpm = std::get_if<TpmAnchor>(&anchor))
      for (const EvidenceLog& log : tpm->logs)
        if (log.segments.size() > kMaxKnownSegments) return false;
  return true;
}

}  // namespace

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
  if (size > kMaxBytes / 2) return;
  std::lock_guard lock(mutex_);
  auto at = find_peer(peer, prover);
  if (at == peers_.end()) at = peers_.insert(peers_.begin(), Peer{peer, prover, {}});
  peers_.splice(peers_.begin(), peers_, at);
  Peer& entry = peers_.front();
  for (std::size_t i = entry.keys.size(); i-- > 0;)
    if (entry.keys[i].key.fact->context.anchors == fact->context.anchors) drop(entry, i);
  bool name_logs = may_be_named(*fact);
  entry.keys.insert(entry.keys.begin(), Entry{{std::move(fact), issued}, size, name_logs});
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
    if (!entry.key.fact->context.known_key.empty() && elapsed_ms(entry.key.issued, now) < std::int64_t{max_age_s} * 1000)
      out.push_back(entry.key);
  return out;
}

std::shared_ptr<const QuotedKey> KnownKeys::newest_log(const std::string& peer, Role prover) {
  std::lock_guard lock(mutex_);
  auto at = find_peer(peer, prover);
  if (at == peers_.end()) return nullptr;
  peers_.splice(peers_.begin(), peers_, at);
  const std::vector<Entry>& entries = peers_.front().keys;
  return entries.empty() || !entries.front().name_logs ? nullptr : entries.front().key.fact;
}

void KnownKeys::doubt(const std::string& peer, Role prover, const std::shared_ptr<const QuotedKey>& fact) {
  std::lock_guard lock(mutex_);
  auto at = find_peer(peer, prover);
  if (at == peers_.end()) return;
  for (Entry& entry : at->keys)
    if (entry.key.fact == fact) entry.name_logs = false;
}

std::size_t KnownKeys::size() const {
  std::lock_guard lock(mutex_);
  std::size_t n = 0;
  for (const Peer& peer : peers_) n += peer.keys.size();
  return n;
}

}  // namespace attest
