// prefix.h: how much of a growing log both sides know already (docs/PROTOCOL.md, "Prefix cursors").
#pragma once
#include "evidence/native/message.h"

namespace attest {

// events_in counts the events a segment stands for.
std::uint32_t events_in(const Segment& segment);

// log_prefix names logs that lead to quoted PCR values, by all that the replay of a machine's logs depends on: its anchors, bank,
// selection and claims (from the context, whoever asks), where PCR 0 starts, how many events there are, and where they lead.
// Empty if the context cannot be encoded.
Digest log_prefix(const ReportContext& context, std::uint8_t startup_locality, std::uint64_t tcg_events, std::uint64_t ima_events,
                  const std::vector<Digest>& pcr_values);

// tail_of cuts the first `skipped` events off a log: it keeps its count of events and says how many are left out. malformed
// if there are not as many, or some are left out already.
Result<EvidenceLog> tail_of(const EvidenceLog& log, std::uint32_t skipped);
// joined puts a tail behind the log it was cut from. mismatch if that has not as many events as were left out, denied if
// the whole would have too many segments.
Result<EvidenceLog> joined(const EvidenceLog& known, EvidenceLog tail);

// kMaxKnownSegments: logs of more segments are not named as known. Tails add segments, and whole logs are made anew.
inline constexpr std::size_t kMaxKnownSegments = kMaxSegments / 2;

}  // namespace attest
