// expand.h: the verifier's side of compact.h: segments become events again, with nothing believed that the
// replay against the quote would not catch.
#pragma once
#include "evidence/logs/references.h"
#include "evidence/logs/replay.h"

namespace attest {

// ExpandedEvent is one event in the quoted bank. It lends from the evidence logs and the manifests, which
// must outlive it. That it came as an index is no match: order, count and policy are still to be judged.
struct ExpandedEvent {
  Digest digest;
  std::uint8_t pcr = 0;
  LogKind kind = LogKind::tcg;
  bool violation = false;                     // IMA: the file was being written while it was measured
  RefPosition position;                       // where it stands; meaningful with a reference
  const ReferenceValue* reference = nullptr;  // set if the event came as part of a run
  const EventSegment* full = nullptr;         // set if it came in full; neither: its digest alone came
};

// expand_logs turns the logs of one TPM anchor into events: firmware events first, then IMA entries.
// Everything is counted and capped before the first event is made. An IMA entry's digest is computed from its
// template data, or taken as it came where that was kept back: the replay decides. malformed for two logs of one kind or in the wrong order, a count other than the log says, a
// run outside its manifest, a reference without a digest for the bank, a digest of the wrong length; denied above max_events in all logs together.
Result<std::vector<ExpandedEvent>> expand_logs(const std::vector<EvidenceLog>& logs,
                                               const ContextManifests& manifests, HashAlg bank,
                                               ImaExtend ima = ImaExtend::template_data,
                                               std::uint32_t max_events = kMaxLogEvents);

// replay_events extends fresh PCRs with the events, in order; errors as PcrReplay::make.
Result<PcrReplay> replay_events(const std::vector<ExpandedEvent>& events, HashAlg bank,
                                std::uint8_t startup_locality);

// event_name is a hint for people, printable: the reference's name, the IMA file name, or the firmware
// event's type and text.
std::string event_name(const ExpandedEvent& event);
// event_name of an event that travels in full or was just read.
std::string event_name(const EventSegment& segment, LogKind kind);

}  // namespace attest
