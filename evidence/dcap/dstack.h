// dstack.h: RTMR event logs in JSON, as dstack guests hand them out, alone or beside their quote.
#pragma once
#include <array>
#include <optional>
#include <string>
#include <vector>

#include "evidence/core/hash.h"

namespace attest {

inline constexpr std::size_t kMaxDstackEvents = 65536;
inline constexpr std::size_t kMaxDstackBytes = 16 << 20;
inline constexpr std::uint32_t kDstackRuntimeEvent = 0x08000001;

// RtmrEvent is one extend. digest is what the log says (empty where it leaves it out).
struct RtmrEvent {
  std::uint32_t imr = 0;  // 0 to 3
  std::uint32_t type = 0;
  Bytes digest;
  std::string name;
  Bytes payload;
  std::uint32_t version = 1;  // of a runtime event's digest rule

  bool runtime() const { return type == kDstackRuntimeEvent; }
};

// DstackReport is what a guest answers a quote request with; members it leaves out are empty.
struct DstackReport {
  Bytes quote;
  std::vector<RtmrEvent> events;
  Bytes report_data;      // as the caller asked for it; empty where it is not said
  std::string vm_config;  // a JSON document
};

// parse_dstack_report reads {"quote": hex, "event_log": [events] or a text holding that, "report_data",
// "vm_config"}; parse_dstack_log a bare list of events. malformed otherwise; at most 65,536 events.
Result<DstackReport> parse_dstack_report(std::string_view json);
Result<std::vector<RtmrEvent>> parse_dstack_log(std::string_view json);

// runtime_digest is what the guest extends RTMR 3 with for a runtime event: SHA-384 of type, name and
// payload.
Digest runtime_digest(const RtmrEvent& event);

// replay_rtmrs extends zeros with every event in order. A runtime event counts by its name and payload,
// whatever digest stands beside them; mismatch if a digest is given and differs, malformed if another event
// has none of 48 bytes or names a register beyond 3.
Result<std::array<Digest, 4>> replay_rtmrs(const std::vector<RtmrEvent>& events);

}  // namespace attest
