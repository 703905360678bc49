// measured_log.h: a measurement log as the replay sees it: PCR by PCR, in the bank that was quoted.
#pragma once
#include "evidence/core/hash.h"
#include "evidence/native/message.h"

namespace attest {

// MeasuredEvent is one extend of the quoted bank.
struct MeasuredEvent {
  std::uint8_t pcr = 0;
  Digest digest;  // what the PCR was extended with, in the quoted bank
  LogKind kind = LogKind::tcg;
  EventSegment full;  // the event as it travels when no reference value stands for it
};

// ImaExtend says what the kernel extended in a bank: the hash of the template data (Linux 5.8 and later), or
// the SHA-1 template hash padded with zeros (older kernels, and banks whose hash was not there when IMA
// started).
enum class ImaExtend : std::uint8_t { template_data, padded_sha1 };

// MeasuredLog holds the events a quote covers: firmware events first, then IMA entries, each in log order.
struct MeasuredLog {
  HashAlg bank = HashAlg::sha256;
  std::uint8_t startup_locality = 0;
  std::vector<MeasuredEvent> events;  // may be longer than the quote: only the first `covered_*` count
  std::size_t tcg_events = 0;         // firmware events, all covered
  std::size_t ima_covered = 0;        // IMA entries covered by the quote
  ImaExtend ima_extend = ImaExtend::template_data;
  std::vector<Digest> pcr_values;  // of the selection, at the quote
  // generation changes whenever the events before `tcg_events` are not those of the last read (another boot).
  std::uint64_t generation = 0;
};

// pcr_start_value: zeros; PCR 0 carries the startup locality in its last byte; PCR 17 to 22 are 0xff.
Digest pcr_start_value(HashAlg bank, std::uint8_t pcr, std::uint8_t startup_locality);

}  // namespace attest
