#include "cmcd-lite/server/devices/keyring.h"

namespace attest {
namespace {

constexpr std::int64_t kSuspendSlackMs = 100;  // the two clocks are read one after the other

// suspended_now is the time this machine has spent in suspend.
std::int64_t suspended_now() { return clock_ms(CLOCK_BOOTTIME) - clock_ms(CLOCK_MONOTONIC); }

std::string name_text(const Digest& name) { return std::string(as_text(name.view())); }

bool hinted(const std::vector<Bytes>& hints, const Nonce& nonce, const Digest& digest) {
  if (hints.empty()) return false;
  Bytes hint = key_hint(nonce, digest);
  return !hint.empty() && std::ranges::find(hints, hint) != hints.end();
}

// young: what the verifier accepts, less what may pass until it looks.
bool young(const QuotedEpoch& quoted, const AttestJob& job, const Moment& now) {
  UnixTime margin = 1 + job.max_age_s / 10;
  return now.wall_ms / 1000 - quoted.epoch.seen.time + margin <= static_cast<UnixTime>(job.max_age_s);
}

ReportContext context_for(const KeyedQuote& key, const AttestJob& job, const QuotedEpoch* epoch) {
  ReportContext context = key.base;
  context.role = job.role;
  context.service = job.service;
  context.freshness = epoch != nullptr ? FreshnessMode::epoch_id : FreshnessMode::known_key;
  if (epoch != nullptr) context.epoch_id = epoch->epoch.seen.id;
  return context;
}

// compose answers one handshake in the name of a key.
Result<Bytes> compose(const KeyedQuote& key, const QuotedEpoch* epoch, std::optional<CertifiedKey> tls_key,
                      const AttestJob& job) {
  Evidence evidence;
  evidence.tls_key = std::move(tls_key);
  TRY(evidence.context, encode_context(context_for(key, job, epoch)));
  TRY(evidence.key, prove_key(key.key, evidence_hash(job.binder, evidence.context)));
  if (epoch == nullptr) {
    TRY(Bytes bytes, encode_evidence(evidence));
    if (bytes.size() > job.room)
      return Error{Errc::denied, "evidence.too-large: the handshake carries less than a signature"};
    return bytes;
  }
  evidence.epoch = epoch->epoch.id;
  evidence.path = epoch->path;
  evidence.anchors = key.quote.anchors;
  return message_for(job, evidence, key.quote.logs(job.tell_files), key.own);
}

}  // namespace

// unchanged: the machine is the one that was quoted, as far as that can be told without its TPM.
bool Keyring::unchanged(const Moment& now) const {
  if (keys_.empty() || elapsed_ms(confirmed_, now) > limits_.trust_ms) return false;
  auto measured = count_.now();
  std::int64_t suspended = suspended_now();
  return measured && std::ranges::all_of(keys_, [&](const Key& key) {
           return key->measured == *measured && std::abs(key->suspended_ms - suspended) <= kSuspendSlackMs;
         });
}

void Keyring::wipe() {
  keys_.clear();
  certified_.clear();
}

const CertifiedKey* Keyring::certified(const AttestJob& job, const KeyedQuote& key) const {
  auto kept = certified_.find(job.certify_spki);
  return kept != certified_.end() && kept->second.anchors == key.base.anchors ? &kept->second.key : nullptr;
}

void Keyring::keep(const Digest& spki, CertifiedKey certified, std::vector<AnchorIdentity> anchors) {
  std::lock_guard lock(mutex_);
  if (certified_.size() >= limits_.keys && !certified_.contains(spki)) certified_.clear();
  certified_.insert_or_assign(spki, Certified{std::move(certified), std::move(anchors)});
}

void Keyring::note_demand(const AttestJob& job, const State& state, const Moment& now) {
  for (const EpochSource& source : state.epochs)
    if (hinted(job.distributors, job.nonce, source.distributor.name))
      demand_[name_text(source.distributor.name)] = now;
}

bool Keyring::may_answer(const AttestJob& job, const Moment& now) {
  if (job.max_age_s == 0 || !job.raw_nonce.empty() || (job.known_keys.empty() && job.distributors.empty()))
    return false;
  std::lock_guard lock(mutex_);
  return !keys_.empty() && elapsed_ms(confirmed_, now) <= limits_.trust_ms;
}

Keyring::Found Keyring::find(const AttestJob& job, const State& state, const Moment& now) const {
  for (const Key& key : keys_) {
    bool alive = elapsed_ms(key->born, now) <= limits_.life_ms && key->own.items == state.own.items;
    if (alive && hinted(job.known_keys, job.nonce, key->key.name())) return {key, nullptr};
  }
  for (const Key& key : keys_) {
    if (key->own.items != state.own.items) continue;
    for (const QuotedEpoch& quoted : key->epochs)
      if (young(quoted, job, now) && hinted(job.distributors, job.nonce, quoted.epoch.seen.distributor))
        return {key, &quoted};
  }
  return {};
}

std::optional<Bytes> Keyring::answer(const AttestJob& job, const State& state, const Moment& now) {
  if (job.max_age_s == 0 || !job.raw_nonce.empty()) return std::nullopt;
  Found found;
  {
    std::lock_guard lock(mutex_);
    note_demand(job, state, now);
    if (!unchanged(now)) return std::nullopt;
    found = find(job, state, now);
    if (!found.key) return std::nullopt;
    if (const CertifiedKey* key = certified(job, *found.key)) found.tls_key = *key;
  }
  if (!job.certify_spki.empty() && !found.tls_key) return std::nullopt;  // the TPM certifies it first
  auto evidence = compose(*found.key, found.epoch, std::move(found.tls_key), job);
  if (!evidence) return std::nullopt;  // a quote may do better, or tells why not
  std::lock_guard lock(mutex_);
  answered_++;
  return *std::move(evidence);
}

// due: somebody asked for this distributor lately, and its newest Epoch ID is under no quote yet.
bool Keyring::due(const EpochSource& source, const Moment& now) const {
  auto demand = demand_.find(name_text(source.distributor.name));
  if (demand == demand_.end() || elapsed_ms(demand->second, now) > kDemandMs) return false;
  auto current = epochs_.current(source.distributor.name);
  if (!current) return false;
  return std::ranges::none_of(keys_, [&](const Key& key) {
    return std::ranges::any_of(
        key->epochs, [&](const QuotedEpoch& quoted) { return quoted.epoch.seen.id == current->seen.id; });
  });
}

bool Keyring::epoch_due(const State& state, const Moment& now) const {
  std::lock_guard lock(mutex_);
  return std::ranges::any_of(state.epochs, [&](const EpochSource& source) { return due(source, now); });
}

std::unique_ptr<KeyedQuote> Keyring::plan(std::span<const AttestJob> jobs, const State& state,
                                          const Moment& now) {
  std::lock_guard lock(mutex_);
  for (const AttestJob& job : jobs) note_demand(job, state, now);
  auto measured = count_.now();
  if (!measured) return nullptr;
  if (!keys_.empty() && !unchanged(now)) wipe();  // whoever asked before is answered by this quote
  std::vector<QuotedEpoch> epochs;
  for (const EpochSource& source : state.epochs)
    if (due(source, now) && jobs.size() + epochs.size() < kMaxBatch)
      epochs.push_back({*epochs_.current(source.distributor.name), {}});
  bool wanted = std::ranges::any_of(
      jobs, [](const AttestJob& job) { return job.max_age_s > 0 && job.raw_nonce.empty(); });
  if (!wanted && epochs.empty()) return nullptr;
  auto key = P256Key::make();  // after the Epoch ID was read and before it is quoted
  if (!key) return nullptr;
  auto planned = std::make_unique<KeyedQuote>(*std::move(key));
  planned->own = state.own;
  planned->born = now;
  planned->suspended_ms = suspended_now();
  planned->measured = *measured;
  planned->epochs = std::move(epochs);
  return planned;
}

void Keyring::add(Key quote, const Moment& now) {
  std::lock_guard lock(mutex_);
  auto covered = [&](const QuotedEpoch& old) {
    return std::ranges::any_of(quote->epochs, [&](const QuotedEpoch& fresh) {
      return fresh.epoch.seen.distributor == old.epoch.seen.distributor;
    });
  };
  // One key an Epoch ID: those whose distributors are all quoted anew end here.
  std::erase_if(keys_, [&](const Key& old) { return !old->epochs.empty() && std::ranges::all_of(old->epochs, covered); });
  keys_.push_front(quote);
  while (keys_.size() > limits_.keys) keys_.pop_back();
  confirmed_ = now;
}

void Keyring::confirm(const std::optional<ClockInfo>& clock, const Moment& now) {
  std::lock_guard lock(mutex_);
  confirmed_ = now;
  if (!clock) return;
  bool same = clock_ && clock_->reset_count == clock->reset_count &&
              clock_->restart_count == clock->restart_count && clock->clock_ms >= clock_->clock_ms;
  if (!same) wipe();
  clock_ = clock;
}

void Keyring::clear() {
  std::lock_guard lock(mutex_);
  wipe();
  clock_.reset();
}

void Keyring::sweep(const Moment& now) {
  std::lock_guard lock(mutex_);
  std::erase_if(keys_, [&](const Key& key) { return elapsed_ms(key->born, now) > limits_.life_ms; });
  std::int64_t suspended = suspended_now();
  std::erase_if(keys_,
                [&](const Key& key) { return std::abs(key->suspended_ms - suspended) > kSuspendSlackMs; });
}

bool Keyring::empty() const {
  std::lock_guard lock(mutex_);
  return keys_.empty();
}

std::size_t Keyring::size() const {
  std::lock_guard lock(mutex_);
  return keys_.size();
}

std::uint64_t Keyring::answered() const {
  std::lock_guard lock(mutex_);
  return answered_;
}

}  // namespace attest
