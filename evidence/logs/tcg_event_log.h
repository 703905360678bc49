// tcg_event_log.h: the firmware's measurement log (TCG PC Client Platform Firmware Profile, clause 10).
#pragma once
#include <optional>

#include "evidence/logs/measured_log.h"

namespace attest {

inline constexpr std::size_t kMaxTcgEvents = 65536;
inline constexpr std::size_t kMaxTcgLog = 16 << 20;  // bytes

inline constexpr std::uint32_t kEvNoAction = 0x00000003;
inline constexpr std::uint32_t kNoPcr = 0xffffffff;  // PCR index of EV_NO_ACTION records of some firmware

// TcgDigest is one digest of an event; alg is a TPM_ALG_ID, known to us or not.
struct TcgDigest {
  std::uint16_t alg = 0;
  View value;
};

// TcgEvent is one record. The type and the data are hints: only the digests are covered by a PCR.
struct TcgEvent {
  std::uint32_t pcr = 0;
  std::uint32_t type = 0;
  std::vector<TcgDigest> digests;
  View data;
  std::size_t offset = 0;  // of the record, in bytes from the start of the log
  // extends is false for EV_NO_ACTION, which never touches a PCR.
  bool extends() const { return type != kEvNoAction; }
  // digest of one bank; empty view if the record has none.
  View digest(HashAlg bank) const;
};

enum class TcgLogFormat : std::uint8_t { sha1, crypto_agile };

// TcgEventLog lends every view from the buffer it was parsed from, which must outlive it.
struct TcgEventLog {
  TcgLogFormat format = TcgLogFormat::sha1;
  struct Algorithm {
    std::uint16_t id = 0;    // TPM_ALG_ID
    std::uint16_t size = 0;  // bytes of a digest, as the Spec ID event declares them
  };
  std::vector<Algorithm> algorithms;  // the banks of the log; sha1 alone for the SHA-1 format
  std::vector<TcgEvent> events;       // every record, EV_NO_ACTION included
  std::optional<std::uint8_t>
      startup_locality;  // as a StartupLocality record ahead of all extends of PCR 0 says
  std::size_t padding_bytes = 0;  // behind the last record; only with TcgLogEnd::padded
  bool has_bank(HashAlg bank) const;
};

// TcgLogEnd says what may follow the last record: nothing, or what is left of the area that firmware kept for
// the log (CCEL, and copies of ACPI areas): at least 16 zero bytes, or 0xff bytes.
enum class TcgLogEnd : std::uint8_t { exact, padded };

// parse_tcg_event_log reads a whole log in SHA-1 or crypto-agile format. malformed for truncated records,
// digests of algorithms the Spec ID event does not declare, a PCR above 23 in a record that extends, or too
// many records. An empty log is one without events.
Result<TcgEventLog> parse_tcg_event_log(View bytes, TcgLogEnd end = TcgLogEnd::exact);

// tcg_measured_events lists what extends the PCRs of `bank`, in log order, as it travels: data is cut at 1,024
// bytes. A record without a digest of this bank did not extend it (Windows measures into one bank of several).
// unsupported if the log has no such bank at all.
Result<std::vector<MeasuredEvent>> tcg_measured_events(const TcgEventLog& log, HashAlg bank);

}  // namespace attest
