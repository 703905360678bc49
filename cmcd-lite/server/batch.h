// batch.h: one quote for all handshakes that wait (docs/PROTOCOL.md, "Batches").
#pragma once
#include <functional>

#include "cmcd-lite/server/log_cache.h"
#include "cmcd-lite/server/state.h"
#include "drivers/table.h"

namespace attest {

// AttestJob is one caller's wish for evidence. Exactly one of binder and raw_nonce is set; access was decided
// before.
struct AttestJob {
  uid_t uid = 0;
  Role role = Role::server;
  std::string service;
  Digest binder;
  Bytes raw_nonce;
  std::optional<KeyInfo> tls_key;           // the handshake's key where the TPM holds it, to be certified
  Bytes key_file;                           // or the TSS2 key file the program signs with
  std::vector<Bytes> known;                 // digest prefixes the verifying side holds
  std::uint32_t room = 0;                   // bytes the evidence may have
  bool tell_files = false;                  // IMA entries without a reference in full, not their digests alone
  std::function<void(Result<Bytes>)> done;  // called exactly once, on the TPM's thread
};

// BatchMaker turns jobs into evidence. Lives on the thread that owns the drivers.
class BatchMaker {
 public:
  // make answers every job over one quote of each driver, logs read once and after the quotes. Jobs whose own
  // evidence cannot be built get their own error. If the quote or the logs fail it answers nobody and returns
  // the error, so that the owner may open the device again and try once more.
  Status make(std::vector<AttestJob>& jobs, std::span<const OpenedDriver> drivers, const State& state);
  // ak_certificate is the first certificate of the last quote's AK chain; empty if there was none.
  const Bytes& ak_certificate() const { return ak_certificate_; }

 private:
  struct Anchors {
    std::vector<Anchor> anchors;
    LogCache::Encoded tpm_logs;
  };
  Result<Anchors> quote(const Digest& qualifying, std::span<const OpenedDriver> drivers,
                        const OwnMetadata& own);
  LogCache logs_;
  Bytes ak_certificate_;
};

// fit_metadata chooses which items travel in full: those the other side does not know, smallest first, while
// they fit into `left` bytes.
std::vector<Bytes> fit_metadata(const OwnMetadata& own, const std::vector<Bytes>& known, std::size_t left);

}  // namespace attest
