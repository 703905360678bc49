// attest.h: TPMS_ATTEST, the statement a TPM signs (TPM 2.0 part 2, clause 10.12).
#pragma once
#include <variant>

#include "evidence/core/bytes.h"
#include "evidence/native/context.h"

namespace attest {

// AttestType is the TPMI_ST_ATTEST of a statement.
enum class AttestType : std::uint16_t {
  nv = 0x8014,
  command_audit = 0x8015,
  session_audit = 0x8016,
  certify = 0x8017,
  quote = 0x8018,
  time = 0x8019,
  creation = 0x801a,
  nv_digest = 0x801c
};
const char* attest_type_name(AttestType type);  // "quote"

struct ClockInfo {
  std::uint64_t clock_ms = 0;  // never evidence of age: owner authorisation can move it forward
  std::uint32_t reset_count = 0;
  std::uint32_t restart_count = 0;
  bool safe = false;
};

struct QuoteInfo {
  std::vector<PcrSelection> selections;
  Bytes pcr_digest;
};
struct CertifyInfo {
  Bytes name;
  Bytes qualified_name;
};
struct CreationInfo {
  Bytes object_name;
  Bytes creation_hash;
};
struct TimeInfo {
  std::uint64_t time_ms = 0;  // since the last TPM init
  ClockInfo clock;
  std::uint64_t firmware_version = 0;
};
struct CommandAuditInfo {
  std::uint64_t audit_counter = 0;
  std::uint16_t digest_alg = 0;  // TPM_ALG_ID
  Bytes audit_digest;
  Bytes command_digest;
};
struct SessionAuditInfo {
  bool exclusive = false;
  Bytes session_digest;
};
struct NvInfo {
  Bytes index_name;
  std::uint16_t offset = 0;
  Bytes contents;
};
struct NvDigestInfo {
  Bytes index_name;
  Bytes nv_digest;
};

// Attest is a parsed statement. It proves nothing by itself: verify_attest in signature.h is the only way to
// a Verified<Attest>.
struct Attest {
  AttestType type = AttestType::quote;
  Bytes qualified_signer;  // qualified name of the signing key
  Bytes extra_data;        // qualifyingData of the caller
  ClockInfo clock;
  std::uint64_t firmware_version = 0;
  std::variant<QuoteInfo, CertifyInfo, CreationInfo, TimeInfo, CommandAuditInfo, SessionAuditInfo, NvInfo,
               NvDigestInfo>
      info;
  // quote and certify return the part of that kind; nullptr for a statement of another type.
  const QuoteInfo* quote() const { return std::get_if<QuoteInfo>(&info); }
  const CertifyInfo* certify() const { return std::get_if<CertifyInfo>(&info); }
};

// parse_attest reads one TPMS_ATTEST that fills `bytes` exactly. malformed for a wrong magic, a length out of
// bounds or trailing bytes; unsupported for an unknown type or PCR bank.
Result<Attest> parse_attest(View bytes);
// read_attest is the same for a statement with something behind it, which stays in the reader.
Result<Attest> read_attest(Reader& in);

}  // namespace attest
