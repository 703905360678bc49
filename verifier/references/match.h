// match.h: a replayed measurement log against the reference values: every disagreement, in log order.
#pragma once
#include "evidence/core/verdict.h"
#include "evidence/native/message.h"
#include "verifier/references/nearest.h"

namespace attest {

// JudgedEvent is one extend of a log whose replay gave the quoted PCR values.
struct JudgedEvent {
  std::uint64_t position = 0;            // in the whole log: firmware events first, then IMA entries
  std::uint8_t pcr = 0;
  LogKind kind = LogKind::tcg;
  const Digest* digest = nullptr;        // in the bank of the index
  const EventSegment* full = nullptr;    // hints for people; nullptr where a run stood for the event, or its digest alone
  bool violation = false;                // IMA: what was measured is unknown, so no reference stands for it
  bool withheld = false;                 // IMA: the peer told the digest alone
};

// LogFindings are the disagreements: about kMaxMismatches of them in full (the first of each kind always), all of them
// counted.
struct LogFindings {
  static constexpr std::size_t kMaxMismatches = 1000;
  struct Kind {
    std::uint64_t count = 0;
    std::string first;  // one sentence about the first
  };
  std::vector<Mismatch> mismatches;
  std::uint64_t omitted = 0;
  Kind unexpected, order, missing, ima;
  std::uint64_t boot_events = 0;
  std::uint64_t ima_events = 0;
  bool ima_withheld = false;  // of the unexpected ones
};

// Matcher applies the rules to one log. Boot events: those of a log-ordered manifest in order and each once, optional ones may
// be absent; those of other manifests in any order, each at most as often as it stands there. IMA entries: any reference
// of their PCR, any number of times. Linear in events and references. A digest that stands in several manifests is
// taken for the first in layer order that can still take it.
class Matcher {
 public:
  explicit Matcher(const ReferenceIndex& index);
  void judge(const JudgedEvent& event);
  // finish reports what is mandatory and absent. quoted: PCRs of the quote.
  LogFindings finish(const std::vector<std::uint8_t>& quoted) &&;

 private:
  void judge_boot(const JudgedEvent& event);
  void judge_ima(const JudgedEvent& event);
  std::uint32_t next_usable(std::uint32_t twins);
  std::uint32_t next_skipped(std::uint32_t twins);
  bool fits(std::uint32_t place) const;
  void take(std::uint32_t place);
  void unexpected(const JudgedEvent& event);
  void out_of_order(const JudgedEvent& event, std::uint32_t place, bool again);
  void ima_unexpected(const JudgedEvent& event);
  void missing(const Place& place, bool has_digest, const std::vector<std::uint8_t>& quoted);
  bool keep(LogFindings::Kind& kind);
  void record(LogFindings::Kind& kind, Mismatch mismatch, std::string sentence);

  const ReferenceIndex& index_;
  MatchState state_;
  std::vector<std::uint32_t> usable_;   // a Twins' first place that may still be taken
  std::vector<std::uint32_t> skipped_;  // a Twins' first place that was passed over and may still come late
  std::vector<std::uint8_t> ima_seen_;  // by head of Twins
  Nearest nearest_;
  LogFindings findings_;
};

}  // namespace attest
