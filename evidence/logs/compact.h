// compact.h: a measured log as it travels: runs of reference values where they stand for the events, their
// indices where the order is another one, the rest in full.
#pragma once
#include "evidence/logs/references.h"

namespace attest {

// LogCompactor keeps the segments between handshakes: entries that were appended continue them, in time
// proportional to what is new. Use one for each set of manifests and bank. Not thread safe.
class LogCompactor {
 public:
  explicit LogCompactor(std::shared_ptr<const RunIndex> index) : index_(std::move(index)) {}
  // compact returns the covered part of the log: the firmware's events and, where there are any, the IMA
  // entries. Starts again when the log is of another boot or shorter than before. mismatch if the log is of
  // another bank than the index; denied if more segments are needed than one log may have: the text says how
  // many events have no reference value. The value is lent until the next call.
  Result<const std::vector<EvidenceLog>*> compact(const MeasuredLog& log);
  // revision changes whenever the value of compact() did: a key for its encoded form.
  std::uint64_t revision() const { return revision_; }
  // withheld is the IMA list of the last compact() for those who shall not learn what ran here: its entries
  // in full are digests alone. nullopt if there are none, then everybody gets the same.
  std::optional<EvidenceLog> withheld() const;
  // logs is the value of the last compact(), empty if it failed.
  const std::vector<EvidenceLog>& logs() const { return logs_; }

 private:
  void restart(const MeasuredLog& log);
  Status append(EvidenceLog& out, std::span<const MeasuredEvent> events);
  bool continue_run(EvidenceLog& out, const MeasuredEvent& event);
  void settle(std::vector<Segment>& segments) const;
  void pack_last(std::vector<Segment>& segments) const;

  std::shared_ptr<const RunIndex> index_;
  std::vector<std::uint32_t> next_;  // by context item: the entry behind the last one used
  std::uint64_t generation_ = 0;
  bool started_ = false;
  std::size_t tcg_done_ = 0;
  std::size_t ima_done_ = 0;
  std::size_t full_ = 0;  // events without a reference value
  std::vector<Digest> ima_digests_;  // what the IMA entries in full extended, in log order
  std::uint64_t revision_ = 0;
  std::vector<EvidenceLog> logs_;
};

}  // namespace attest
