// batch.h: one quote for all handshakes that wait (docs/PROTOCOL.md, "Batches").
#pragma once
#include "cmcd-lite/server/devices/keyring.h"
#include "cmcd-lite/server/devices/log_cache.h"
#include "drivers/table.h"

namespace attest {

// BatchMaker turns jobs into evidence. Lives on the thread that owns the drivers.
class BatchMaker {
 public:
  // keyring: where keys and Epoch IDs to be quoted come from and go to; nullptr: none.
  explicit BatchMaker(Keyring* keyring = nullptr) : keyring_(keyring) {}
  // make answers every job over one quote of each driver, logs read once and after the quotes. Jobs whose own
  // evidence cannot be built get their own error. If the quote or the logs fail it answers nobody and returns
  // the error, so that the owner may open the device again and try once more. A key is quoted along where a
  // job may use it later or an Epoch ID is due; that is the only reason for a quote without jobs.
  Status make(std::vector<AttestJob>& jobs, std::span<const OpenedDriver> drivers, const State& state);
  // ak_certificate is the first certificate of the last quote's AK chain; empty if there was none.
  const Bytes& ak_certificate() const { return ak_certificate_; }

 private:
  struct Anchors {
    std::vector<Anchor> anchors;
    LogCache::Encoded tpm_logs;
  };
  Result<Anchors> quote(const Digest& qualifying, std::span<const OpenedDriver> drivers, const OwnMetadata& own,
                        const ReportContext& context);
  void note_clock(const Anchor& anchor) const;
  void keep_key(std::unique_ptr<KeyedQuote> key, const MerkleTree& tree, std::size_t jobs,
                const std::vector<Anchor>& anchors,
                const LogCache::Encoded& logs);
  Keyring* keyring_;
  LogCache logs_;
  Bytes ak_certificate_;
};

}  // namespace attest
