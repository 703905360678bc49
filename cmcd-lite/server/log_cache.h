// log_cache.h: the measurement logs as they travel, kept between handshakes.
#pragma once
#include "cmcd-lite/server/state.h"
#include "evidence/logs/compact.h"

namespace attest {

// LogCache keeps the encoded logs of one TPM: compacted against the machine's own manifests, begun anew when
// those change, continued when events were appended, encoded again only then.
class LogCache {
 public:
  // Encoded lends the CBOR of each log, firmware first: with every entry told, and with digests for the IMA
  // entries that no reference names.
  struct Encoded {
    std::vector<View> told;
    std::vector<View> withheld;
  };
  // encoded: valid until the next call.
  Result<Encoded> encoded(const MeasuredLog& log, const OwnMetadata& own);

 private:
  void start(const MeasuredLog& log, const OwnMetadata& own);
  Status encode(const std::vector<EvidenceLog>& logs);
  std::vector<std::shared_ptr<const MetadataItem>> items_;  // keeps alive what the index borrows
  std::shared_ptr<const RunIndex> index_;
  std::optional<LogCompactor> compactor_;
  std::optional<std::uint64_t> revision_;
  std::vector<Bytes> logs_;
  Bytes withheld_;  // in place of the IMA list; empty: the same
};

}  // namespace attest
