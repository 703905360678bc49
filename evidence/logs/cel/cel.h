// cel.h: logs of the operating system: TCG's canonical event log (JSON, CBOR, TLV) and systemd's form of it.
#pragma once
#include <optional>
#include <string>

#include "evidence/core/bytes.h"

namespace attest::cel {

inline constexpr std::size_t kMaxRecords = 65536;
inline constexpr std::size_t kMaxLog = 16 << 20;  // bytes
inline constexpr std::size_t kMaxDigests = 8;

struct CelDigest {
  std::uint16_t alg = 0;  // TPM_ALG_ID
  Bytes value;
};

enum class Register : std::uint8_t { pcr, nv_index, rtmr };

// CelRecord is one record, whatever its encoding.
struct CelRecord {
  std::optional<std::uint64_t> number;
  Register kind = Register::pcr;
  std::uint32_t reg = 0;
  std::vector<CelDigest> digests;
  std::string content_type;  // "pcclient_std", "ima_template", "ima_tlv", "systemd", "cel", "cos", or a number
  // What the content says, by type; a hint unless a digest proves it.
  std::uint32_t event_type = 0;  // pcclient_std
  std::string name;              // ima_template: template; systemd: event type; cos: event type
  std::string text;              // systemd and cos: what was measured
  Bytes data;                    // pcclient_std and ima_template: what was measured; TLV contents: the whole TLV
  std::vector<std::pair<std::string, std::string>> other;  // what else the content says, as text
};

enum class Encoding : std::uint8_t { json, json_sequence, cbor, tlv };

struct CelLog {
  Encoding encoding = Encoding::json;
  std::vector<CelRecord> records;
};

// parse_cel finds the encoding by content. malformed for records without register or digests, two registers,
// unknown hash names, and everything truncated. A record of a sequence that was cut while it was being written is
// malformed too.
Result<CelLog> parse_cel(View bytes);

// looks_like_cel: cheap, the first bytes of one of the encodings.
bool looks_like_cel(View bytes);

// hash_id of a name ("sha256", "sm3_256"); nullopt if unknown.
std::optional<std::uint16_t> hash_id(std::string_view name);

// The encodings, for parse_cel.
Result<std::vector<CelRecord>> parse_cel_json(std::string_view text, bool sequence);
Result<std::vector<CelRecord>> parse_cel_tlv(View bytes);
Result<std::vector<CelRecord>> parse_cel_cbor(View bytes);
// check_record: what every record must have; the error names its position.
Status check_record(const CelRecord& record, std::size_t number);
std::string content_name(std::uint32_t type);

}  // namespace attest::cel
