#include "evidence/tpm/attest.h"

#include "evidence/core/hex.h"
#include "evidence/tpm/pcr_selection.h"
#include "evidence/tpm/tpm_ids.h"

namespace attest {
namespace {

Bytes digest(Reader& in) { return to_bytes(in.take16be(tpm::kMaxDigest)); }
Bytes name(Reader& in) { return to_bytes(in.take16be(tpm::kMaxName)); }

// TPMI_YES_NO: anything but 0 and 1 is an error.
bool yes_no(Reader& in) {
  std::uint8_t v = in.u8();
  if (v > 1) in.fail();
  return v == 1;
}

ClockInfo read_clock(Reader& in) {  // TPMS_CLOCK_INFO
  ClockInfo c;
  c.clock_ms = in.u64be();
  c.reset_count = in.u32be();
  c.restart_count = in.u32be();
  c.safe = yes_no(in);
  return c;
}

Status read_quote(Reader& in, Attest& out) {  // TPMS_QUOTE_INFO
  QuoteInfo q;
  TRY(q.selections, read_pcr_selections(in));
  q.pcr_digest = digest(in);
  out.info = std::move(q);
  return ok();
}

Status read_certify(Reader& in, Attest& out) {  // TPMS_CERTIFY_INFO
  CertifyInfo c;
  c.name = name(in);
  c.qualified_name = name(in);
  out.info = std::move(c);
  return ok();
}

Status read_creation(Reader& in, Attest& out) {  // TPMS_CREATION_INFO
  CreationInfo c;
  c.object_name = name(in);
  c.creation_hash = digest(in);
  out.info = std::move(c);
  return ok();
}

Status read_time(Reader& in, Attest& out) {  // TPMS_TIME_ATTEST_INFO
  TimeInfo t;
  t.time_ms = in.u64be();
  t.clock = read_clock(in);
  t.firmware_version = in.u64be();
  out.info = t;
  return ok();
}

Status read_command_audit(Reader& in, Attest& out) {  // TPMS_COMMAND_AUDIT_INFO
  CommandAuditInfo a;
  a.audit_counter = in.u64be();
  a.digest_alg = in.u16be();
  a.audit_digest = digest(in);
  a.command_digest = digest(in);
  out.info = std::move(a);
  return ok();
}

Status read_session_audit(Reader& in, Attest& out) {  // TPMS_SESSION_AUDIT_INFO
  SessionAuditInfo a;
  a.exclusive = yes_no(in);
  a.session_digest = digest(in);
  out.info = std::move(a);
  return ok();
}

Status read_nv(Reader& in, Attest& out) {  // TPMS_NV_CERTIFY_INFO
  NvInfo n;
  n.index_name = name(in);
  n.offset = in.u16be();
  n.contents = to_bytes(in.take16be(4096));  // TPM2B_MAX_NV_BUFFER
  out.info = std::move(n);
  return ok();
}

Status read_nv_digest(Reader& in, Attest& out) {  // TPMS_NV_DIGEST_CERTIFY_INFO
  NvDigestInfo n;
  n.index_name = name(in);
  n.nv_digest = digest(in);
  out.info = std::move(n);
  return ok();
}

struct Row {
  AttestType type;
  const char* name;
  Status (*read)(Reader&, Attest&);
};
constexpr Row kTypes[] = {{AttestType::nv, "nv", read_nv},
                          {AttestType::command_audit, "command_audit", read_command_audit},
                          {AttestType::session_audit, "session_audit", read_session_audit},
                          {AttestType::certify, "certify", read_certify},
                          {AttestType::quote, "quote", read_quote},
                          {AttestType::time, "time", read_time},
                          {AttestType::creation, "creation", read_creation},
                          {AttestType::nv_digest, "nv_digest", read_nv_digest}};

const Row* find(std::uint16_t type) {
  for (const Row& row : kTypes)
    if (static_cast<std::uint16_t>(row.type) == type) return &row;
  return nullptr;
}

std::string hex_number(std::uint64_t value, int bytes) {
  Writer w;
  bytes == 4 ? w.u32be(static_cast<std::uint32_t>(value)) : w.u16be(static_cast<std::uint16_t>(value));
  auto raw = std::move(w).finish("number");
  return "0x" + to_hex(*raw);
}

}  // namespace

const char* attest_type_name(AttestType type) {
  const Row* row = find(static_cast<std::uint16_t>(type));
  return row != nullptr ? row->name : "unknown";
}

Result<Attest> read_attest(Reader& in) {
  std::uint32_t magic = in.u32be();  // TPM_GENERATED_VALUE
  if (in.good() && magic != tpm::kGenerated)
    return Error{Errc::malformed, "tpm attest: magic " + hex_number(magic, 4) + ", expected 0xff544347"};
  std::uint16_t type = in.u16be();
  const Row* row = find(type);
  if (in.good() && row == nullptr) return Error{Errc::unsupported, "tpm attest: type " + hex_number(type, 2)};
  Attest out;
  out.qualified_signer = name(in);
  out.extra_data = to_bytes(in.take16be(tpm::kMaxData));
  out.clock = read_clock(in);
  out.firmware_version = in.u64be();
  if (in.good()) {
    out.type = row->type;
    CHECK_OK(row->read(in, out));
  }
  if (!in.good()) return Error{Errc::malformed, "tpm attest: truncated or out of bounds"};
  return out;
}

Result<Attest> parse_attest(View bytes) {
  Reader in(bytes);
  TRY(Attest out, read_attest(in));
  CHECK_OK(in.done("tpm attest"));
  return out;
}

}  // namespace attest
