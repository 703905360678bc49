// ccel.h: the event log of a TDX guest as ACPI's CCEL area holds it: which event went into which RTMR.
#pragma once
#include <array>

#include "evidence/core/hash.h"

namespace attest {

inline constexpr std::size_t kMaxCcelBytes = 1 << 20;

// CcelEvent is one extend. Type and data are hints: only the digest is covered by the register.
struct CcelEvent {
  std::uint8_t rtmr = 0;  // 0 to 3; the log calls them registers 1 to 4
  std::uint32_t type = 0;
  Digest digest;  // SHA-384
  View data;      // leads into the log
};

// parse_ccel lists what extends the RTMRs, in log order; zeros or 0xff behind the last record are the area's.
// malformed for an event of another register, one without a SHA-384 digest, or a log that cannot be read.
Result<std::vector<CcelEvent>> parse_ccel(View log);

// ccel_records is the log without what stands behind its last record.
Result<Bytes> ccel_records(View log);

// replay_ccel extends zeros with the events.
Result<std::array<Digest, 4>> replay_ccel(const std::vector<CcelEvent>& events);

}  // namespace attest
