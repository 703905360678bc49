// keyring.h: the short-lived keys of this machine, each under the quote that vouches for it
// (docs/PROTOCOL.md, "Freshness").
#pragma once
#include <deque>
#include <map>
#include <mutex>
#include <unordered_map>

#include "cmcd-lite/server/devices/job.h"
#include "cmcd-lite/server/devices/measurements.h"
#include "cmcd-lite/server/freshness/epochs.h"
#include "cmcd-lite/server/process/elapsed.h"
#include "evidence/tpm/attest.h"

namespace attest {

// QuotedAnchors is a quote as it travels: encoded logs beside it, so that each handshake copies and nothing
// is encoded again.
struct QuotedAnchors {
  std::vector<Anchor> anchors;
  std::vector<Bytes> told;      // with every entry in full
  std::vector<Bytes> withheld;  // with digests for the files that no reference names
  std::vector<View> logs(bool tell_files) const {
    const std::vector<Bytes>& chosen = tell_files ? told : withheld;
    return {chosen.begin(), chosen.end()};
  }
};

// QuotedEpoch is an Epoch ID that the quote covers together with the key.
struct QuotedEpoch {
  CurrentEpoch epoch;
  MerklePath path;
};

// KeyedQuote is one key K, made for one quote and quoted once.
struct KeyedQuote {
  explicit KeyedQuote(P256Key made) : key(std::move(made)) {}
  P256Key key;
  ReportContext base;  // what the contexts of its handshakes share
  OwnMetadata own;     // what the machine claimed
  Moment born;
  std::int64_t suspended_ms = 0;
  std::uint64_t measured = 0;  // MeasurementCount before the quote
  std::vector<QuotedEpoch> epochs;
  QuotedAnchors quote;  // only with epochs
};

// Keyring holds the keys until they expire, and forgets all of them when the machine is no longer what was
// quoted: files were measured, it was suspended, the TPM was reset or has not been asked for a while, or its
// metadata changed. Keys are never written anywhere and are wiped when they go. Thread safe.
class Keyring {
 public:
  struct Limits {
    std::int64_t life_ms = 300000;
    std::int64_t trust_ms = 5000;  // how long the TPM's last word counts
    std::size_t keys = 256;
  };
  static constexpr std::int64_t kDemandMs =
      120000;  // Epoch IDs are quoted as long as somebody asked for them lately

  Keyring(MeasurementCount count, const Epochs& epochs, Limits limits)
      : count_(std::move(count)), epochs_(epochs), limits_(limits) {}

  // may_answer: the job accepts an earlier quote and there is a key at all. Cheap; notes which distributors
  // are asked for.
  bool may_answer(const AttestJob& job, const Moment& now);
  // answer makes evidence without a quote; nullopt where only a new quote will do.
  std::optional<Bytes> answer(const AttestJob& job, const State& state, const Moment& now);

  // plan begins a quote: it makes K if one of the jobs may get one or an Epoch ID is due; nullptr otherwise.
  std::unique_ptr<KeyedQuote> plan(std::span<const AttestJob> jobs, const State& state, const Moment& now);
  // epoch_due: an Epoch ID waits to be quoted for somebody who asked.
  bool epoch_due(const State& state, const Moment& now) const;
  // add puts a key in force whose quote was made.
  void add(std::shared_ptr<const KeyedQuote> quote, const Moment& now);

  // keep lends the attestation key's word for a TLS key to evidence that K signs, as long as the same anchors quote.
  void keep(const Digest& spki, CertifiedKey certified, std::vector<AnchorIdentity> anchors);

  // confirm takes what a device says of itself; a reset, restart or clear since the last time wipes every
  // key. A device without a clock (nullopt) only says that it is there.
  void confirm(const std::optional<ClockInfo>& clock, const Moment& now);
  void clear();
  void sweep(const Moment& now);
  bool empty() const;
  std::size_t size() const;
  std::uint64_t answered() const;

 private:
  using Key = std::shared_ptr<const KeyedQuote>;
  struct Found {
    Key key;
    const QuotedEpoch* epoch = nullptr;  // lent from key; nullptr: the verifier knows the key
    std::optional<CertifiedKey> tls_key{};
  };
  struct Certified {
    CertifiedKey key;
    std::vector<AnchorIdentity> anchors;
  };
  bool unchanged(const Moment& now) const;
  void wipe();
  Found find(const AttestJob& job, const State& state, const Moment& now) const;
  const CertifiedKey* certified(const AttestJob& job, const KeyedQuote& key) const;
  bool due(const EpochSource& source, const Moment& now) const;
  void note_demand(const AttestJob& job, const State& state, const Moment& now);

  MeasurementCount count_;
  const Epochs& epochs_;
  const Limits limits_;
  mutable std::mutex mutex_;
  std::deque<Key> keys_;  // newest first
  std::optional<ClockInfo> clock_;
  Moment confirmed_;
  std::unordered_map<Digest, Certified, DigestHash> certified_;  // by SPKI
  std::map<std::string, Moment> demand_;   // by the distributor's name
  std::uint64_t answered_ = 0;
};

}  // namespace attest
