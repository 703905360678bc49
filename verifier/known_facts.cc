#include "verifier/known_facts.h"

namespace attest {
namespace {

// log_key hashes what the replay depends on, in pieces: a long log needs no second copy of itself. Digests
// have the bank's length, so that nothing can be read in two ways.
Digest log_key(const std::vector<ExpandedEvent>& events, HashAlg bank, std::uint8_t startup_locality) {
  constexpr std::size_t kPiece = 256;
  std::array<std::uint8_t, 3> head = {static_cast<std::uint8_t>(static_cast<std::uint16_t>(bank) >> 8),
                                      static_cast<std::uint8_t>(bank), startup_locality};
  auto hasher = Hasher::make(HashAlg::sha256);
  if (!hasher) return {};
  Digest key = hasher->of({head});
  Bytes piece;
  piece.reserve(kPiece * (1 + digest_size(bank)));
  for (std::size_t i = 0; i < events.size(); i++) {
    if (events[i].digest.size() != digest_size(bank)) return {};
    piece.push_back(events[i].pcr);
    View digest = events[i].digest.view();
    piece.insert(piece.end(), digest.begin(), digest.end());
    if ((i + 1) % kPiece != 0 && i + 1 != events.size()) continue;
    key = hasher->of({key.view(), View(piece)});
    piece.clear();
  }
  return key;
}

}  // namespace

template <class T>
std::shared_ptr<const T> KnownFacts::find(const Known<T>& known, const Digest& key) {
  std::lock_guard lock(mutex_);
  auto it = known.find(key);
  return it == known.end() ? nullptr : it->second;
}

template <class T>
std::shared_ptr<const T> KnownFacts::keep(Known<T>& known, std::size_t limit, const Digest& key, T value) {
  auto kept = std::make_shared<const T>(std::move(value));
  if (key.empty()) return kept;
  std::lock_guard lock(mutex_);
  if (known.size() >= limit) known.clear();
  known[key] = kept;
  return kept;
}

Result<std::shared_ptr<const KnownFacts::PcrValues>> KnownFacts::replay(
    const std::vector<ExpandedEvent>& events, HashAlg bank, std::uint8_t startup_locality) {
  Digest key = log_key(events, bank, startup_locality);
  if (auto known = find(logs_, key)) return known;
  TRY(PcrReplay replay, replay_events(events, bank, startup_locality));
  PcrValues values;
  for (std::uint8_t pcr = 0; pcr < values.size(); pcr++) values[pcr] = replay.value(pcr);
  bool failed = values[0].empty();
  return keep(logs_, kMaxLogs, failed ? Digest() : key, values);
}

Result<std::shared_ptr<const PublicArea>> KnownFacts::public_area(View tpmt_public) {
  Digest key = sha256(tpmt_public);
  if (auto known = find(keys_, key)) return known;
  TRY(PublicArea area, parse_public(tpmt_public));
  return keep(keys_, kMaxKeys, key, std::move(area));
}

bool KnownFacts::proved(const Digest& statement) {
  std::lock_guard lock(mutex_);
  return proofs_.contains(statement);
}

void KnownFacts::keep(const Digest& statement) {
  std::lock_guard lock(mutex_);
  if (proofs_.size() >= kMaxProofs) proofs_.clear();
  proofs_.insert(statement);
}

}  // namespace attest
