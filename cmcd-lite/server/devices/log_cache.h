// log_cache.h: the measurement logs as they travel, kept between handshakes.
#pragma once
#include <deque>
#include <map>

#include "cmcd-lite/server/config/state.h"
#include "evidence/logs/compact.h"
#include "evidence/logs/prefix.h"

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
  // encoded: valid until the next call. context: of the machine, whoever asks; it and the log are what a quote
  // covered.
  Result<Encoded> encoded(const MeasuredLog& log, const OwnMetadata& own, const ReportContext& context);
  // after lends what came since the logs that a verifier says it holds (Request::cursor); nullopt if no quote
  // since this boot covered logs of that name. Of the last encoded(), valid until the next.
  std::optional<std::vector<View>> after(View cursor, const Nonce& nonce, bool tell_files);

 private:
  // Mark is what a quote covered: all of the firmware's log and so many IMA entries.
  struct Mark {
    std::size_t ima = 0;
    Digest prefix;
  };
  static constexpr std::size_t kMaxMarks = 128;
  static constexpr std::size_t kMaxTails = 8;
  void start(const MeasuredLog& log, const OwnMetadata& own);
  Status encode(const std::vector<EvidenceLog>& logs);
  void mark(const MeasuredLog& log, const ReportContext& context);
  Result<std::vector<Bytes>> tail(std::size_t ima, bool tell_files) const;
  std::vector<std::shared_ptr<const MetadataItem>> items_;  // keeps alive what the index borrows
  std::shared_ptr<const RunIndex> index_;
  std::optional<LogCompactor> compactor_;
  std::optional<std::uint64_t> revision_;
  std::vector<Bytes> logs_;
  Bytes withheld_;  // in place of the IMA list; empty: the same
  std::deque<Mark> marks_;  // newest first, all of one generation of the log
  std::uint64_t generation_ = 0;
  std::map<std::pair<std::size_t, bool>, std::vector<Bytes>> tails_;  // by IMA entries left out and tell_files
};

}  // namespace attest
