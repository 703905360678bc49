#include "apps/attestctl/artefacts/quote_facts.h"

#include <charconv>

#include "evidence/core/hex.h"
#include "evidence/core/printable.h"
#include "evidence/tpm/pcr_selection.h"
#include "evidence/tpm/tpm_ids.h"

namespace attest::ctl {
namespace {

std::string hex_of(std::uint64_t value, int digits) {
  constexpr const char* kDigits = "0123456789abcdef";
  std::string out(static_cast<std::size_t>(digits), '0');
  for (auto at = out.rbegin(); at != out.rend(); ++at, value >>= 4) *at = kDigits[value & 0xf];
  return out;
}

std::string alg_text(std::uint16_t id) {
  struct Row {
    std::uint16_t id;
    const char* name;
  };
  constexpr Row kNames[] = {{0x0001, "rsa"},    {0x0003, "tdes"},   {0x0004, "sha1"},      {0x0006, "aes"},
                            {0x000b, "sha256"}, {0x000c, "sha384"}, {0x000d, "sha512"},    {0x0010, "null"},
                            {0x0012, "sm3"},    {0x0013, "sm4"},    {0x0014, "rsassa"},    {0x0015, "rsaes"},
                            {0x0016, "rsapss"}, {0x0017, "oaep"},   {0x0018, "ecdsa"},     {0x0019, "ecdh"},
                            {0x001a, "ecdaa"},  {0x001b, "sm2"},    {0x001c, "ecschnorr"}, {0x0023, "ecc"},
                            {0x0040, "ctr"},    {0x0041, "ofb"},    {0x0042, "cbc"},       {0x0043, "cfb"}};
  for (const Row& row : kNames)
    if (row.id == id) return row.name;
  return "0x" + hex_of(id, 4);
}

Facts selection_facts(const std::vector<PcrSelection>& selections) {
  Facts out = Facts::array();
  for (const PcrSelection& selection : selections)
    out.push_back({{"alg", hash_alg_name(selection.bank)}, {"pcrs", selection.pcrs}});
  return out;
}

Facts clock_facts(const ClockInfo& clock) {
  return {{"clock", clock.clock_ms},
          {"reset_count", clock.reset_count},
          {"restart_count", clock.restart_count},
          {"safe", clock.safe}};
}

Facts facts(const QuoteInfo& quote) {
  return {{"pcr_selection", selection_facts(quote.selections)}, {"pcr_digest", to_hex(quote.pcr_digest)}};
}
Facts facts(const CertifyInfo& certify) {
  return {{"name", to_hex(certify.name)}, {"qualified_name", to_hex(certify.qualified_name)}};
}
Facts facts(const CreationInfo& creation) {
  return {{"name", to_hex(creation.object_name)}, {"creation_hash", to_hex(creation.creation_hash)}};
}
Facts facts(const TimeInfo& time) {
  Facts out = {{"time", time.time_ms}, {"time_clock", clock_facts(time.clock)}};
  out["time_firmware_version"] = hex_of(time.firmware_version, 16);
  return out;
}
Facts facts(const CommandAuditInfo& audit) {
  return {{"audit_counter", audit.audit_counter},
          {"digest_alg", alg_text(audit.digest_alg)},
          {"audit_digest", to_hex(audit.audit_digest)},
          {"command_digest", to_hex(audit.command_digest)}};
}
Facts facts(const SessionAuditInfo& audit) {
  return {{"exclusive_session", audit.exclusive}, {"session_digest", to_hex(audit.session_digest)}};
}
Facts facts(const NvInfo& nv) {
  return {{"index_name", to_hex(nv.index_name)}, {"offset", nv.offset}, {"contents", to_hex(nv.contents)}};
}
Facts facts(const NvDigestInfo& nv) {
  return {{"index_name", to_hex(nv.index_name)}, {"nv_digest", to_hex(nv.nv_digest)}};
}

const char* type_text(AttestType type) {
  switch (type) {
    case AttestType::nv:
      return "TPM_ST_ATTEST_NV";
    case AttestType::command_audit:
      return "TPM_ST_ATTEST_COMMAND_AUDIT";
    case AttestType::session_audit:
      return "TPM_ST_ATTEST_SESSION_AUDIT";
    case AttestType::certify:
      return "TPM_ST_ATTEST_CERTIFY";
    case AttestType::quote:
      return "TPM_ST_ATTEST_QUOTE";
    case AttestType::time:
      return "TPM_ST_ATTEST_TIME";
    case AttestType::creation:
      return "TPM_ST_ATTEST_CREATION";
    case AttestType::nv_digest:
      return "TPM_ST_ATTEST_NV_DIGEST";
  }
  return "unknown";
}

Status add_bank(HashAlg bank, const Json& values, PcrValues& out) {
  for (const auto& [key, value] : values.items()) {
    unsigned pcr = 0;
    auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), pcr);
    if (error != std::errc() || end != key.data() + key.size() || pcr >= kMaxPcrs || !value.is_string())
      return Error{Errc::malformed,
                   "pcr values: \"" + printable(key, 20) + "\" is no PCR with a value in hex"};
    TRY(Bytes digest, from_hex(value.get<std::string>(), 64));
    if (digest.size() != digest_size(bank))
      return Error{Errc::malformed,
                   "pcr values: PCR " + std::to_string(pcr) + " has not the size of its bank"};
    out[bank][static_cast<std::uint8_t>(pcr)] = Digest::of(digest);
  }
  return ok();
}

}  // namespace

Facts attest_facts(const Attest& statement) {
  Facts out = {{"type", type_text(statement.type)},
               {"qualified_signer", to_hex(statement.qualified_signer)},
               {"nonce", to_hex(statement.extra_data)}};
  out.update(clock_facts(statement.clock));
  out["firmware_version"] = hex_of(statement.firmware_version, 16);
  out.update(std::visit([](const auto& info) { return facts(info); }, statement.info));
  return out;
}

Facts public_facts(const PublicArea& area) {
  Facts out = {{"algorithm", area.algorithm()}};
  if (!area.encoded.empty()) {
    out["name"] = to_hex(area.name());
    out["name_alg"] = hash_alg_name(area.name_alg);
    out["attributes"] = "0x" + hex_of(area.attributes, 8);
    out["attributes_text"] = attributes_text(area.attributes);
    out["auth_policy"] = to_hex(area.auth_policy);
    out["symmetric"] = {{"alg", alg_text(area.symmetric.alg)},
                        {"bits", area.symmetric.key_bits},
                        {"mode", alg_text(area.symmetric.mode)}};
    out["scheme"] = {{"alg", alg_text(area.scheme.alg)}, {"hash", alg_text(area.scheme.hash)}};
  }
  if (area.kind == PublicArea::Kind::rsa) {
    out["exponent"] = area.rsa_exponent == 0 ? 65537 : area.rsa_exponent;
    out["modulus"] = to_hex(area.modulus);
  } else {
    out["x"] = to_hex(area.x);
    out["y"] = to_hex(area.y);
  }
  return out;
}

Facts signature_facts(const TpmSignature& signature) {
  Facts out = {{"scheme", alg_text(signature.scheme)}, {"hash", hash_alg_name(signature.hash)}};
  if (!signature.rsa.empty()) out["rsa"] = to_hex(signature.rsa);
  if (!signature.r.empty()) out.update(Facts{{"r", to_hex(signature.r)}, {"s", to_hex(signature.s)}});
  return out;
}

Facts creation_facts(const CreationData& data) {
  return {{"pcr_selection", selection_facts(data.selections)},
          {"pcr_digest", to_hex(data.pcr_digest)},
          {"locality", data.locality},
          {"parent_name_alg", alg_text(data.parent_name_alg)},
          {"parent_name", to_hex(data.parent_name)},
          {"parent_qualified_name", to_hex(data.parent_qualified_name)},
          {"outside_info", to_hex(data.outside_info)}};
}

Facts pcr_facts(const PcrValues& values) {
  Facts out;
  for (const auto& [bank, pcrs] : values) {
    Facts& here = out[std::string("pcrs_") + hash_alg_name(bank)] = Facts::object();
    for (const auto& [pcr, value] : pcrs) here[std::to_string(pcr)] = to_hex(value.view());
  }
  return out;
}

Result<PcrValues> parse_pcr_values(View bytes) {
  Json json = Json::parse(bytes.begin(), bytes.end(), nullptr, false);
  if (json.is_discarded()) return parse_pcr_file(bytes);
  PcrValues out;
  if (!json.is_object()) return Error{Errc::malformed, "pcr values: expected an object of banks"};
  for (const auto& [name, values] : json.items()) {
    auto bank = hash_alg_from_name(name);
    if (!bank || !values.is_object())
      return Error{Errc::malformed, "pcr values: \"" + printable(name, 20) + "\" is no bank"};
    CHECK_OK(add_bank(*bank, values, out));
  }
  return out;
}

}  // namespace attest::ctl
