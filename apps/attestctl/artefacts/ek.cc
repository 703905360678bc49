// Kind "ek": certificates of TPMs' keys and of the vendors and clouds that issue them.
#include <openssl/x509v3.h>

#include "apps/attestctl/artefacts/ek_store.h"
#include "apps/attestctl/artefacts/kinds.h"
#include "apps/attestctl/field.h"
#include "evidence/core/hash.h"
#include "evidence/core/hex.h"
#include "evidence/ek/ek_certificate.h"
#include "evidence/tpm/signing_key.h"
#include "verifier/ek/ek.h"

namespace attest::ctl {
namespace {

bool looks_like(View bytes) {
  Result<EkFile> file = read_ek_file(bytes);
  return file && parse_ek_certificate(file->certificates.front());
}

Facts usage_facts(std::uint32_t usage) {
  struct Row {
    std::uint32_t bit;
    const char* name;
  };
  constexpr Row kNames[] = {{KU_DIGITAL_SIGNATURE, "digitalSignature"},
                            {KU_NON_REPUDIATION, "nonRepudiation"},
                            {KU_KEY_ENCIPHERMENT, "keyEncipherment"},
                            {KU_DATA_ENCIPHERMENT, "dataEncipherment"},
                            {KU_KEY_AGREEMENT, "keyAgreement"},
                            {KU_KEY_CERT_SIGN, "keyCertSign"},
                            {KU_CRL_SIGN, "cRLSign"}};
  Facts out = Facts::array();
  for (const Row& row : kNames)
    if ((usage & row.bit) != 0) out.push_back(row.name);
  return out;
}

void add_key(const EkCertificate& certificate, Facts& out) {
  if (!certificate.key) return;
  char group[40] = "";
  const EVP_PKEY* key = certificate.key.get();
  bool ec = EVP_PKEY_is_a(key, "EC") && EVP_PKEY_get_group_name(key, group, sizeof group, nullptr) == 1;
  out["key"] = ec ? std::string(group) : "rsa-" + std::to_string(EVP_PKEY_get_bits(key));
  out["key_spki_sha256"] = to_hex(sha256(spki_der(key)).view());
}

void add_tpm(const EkCertificate& certificate, Facts& out) {
  if (!certificate.manufacturer.empty())
    out["tpm"] = {{"manufacturer", certificate.manufacturer},
                  {"model", certificate.model},
                  {"version", certificate.version}};
  if (const auto& s = certificate.specification)
    out["tpm_specification"] = {{"family", s->family}, {"level", s->level}, {"revision", s->revision}};
  if (const auto& gce = certificate.gce)
    out["gce_instance"] = {{"zone", gce->zone},
                           {"project_number", gce->project_number},
                           {"project_id", gce->project_id},
                           {"instance_id", gce->instance_id},
                           {"instance_name", gce->instance_name}};
}

Facts certificate_facts(const EkCertificate& certificate) {
  Facts out = {{"role", ek_role_name(certificate.role())},
               {"subject", certificate.subject},
               {"issuer", certificate.issuer},
               {"serial", certificate.serial},
               {"not_before", format_rfc3339(certificate.not_before)},
               {"not_after", format_rfc3339(certificate.not_after)}};
  out["self_signed"] = certificate.key && certificate.subject == certificate.issuer &&
                       X509_verify(certificate.x509.get(), certificate.key.get()) == 1;
  add_key(certificate, out);
  out["ca"] = certificate.ca;
  if (certificate.path_length) out["path_length"] = *certificate.path_length;
  if (certificate.key_usage) out["key_usage"] = usage_facts(*certificate.key_usage);
  if (certificate.extended_usage) out["extended_key_usage"] = *certificate.extended_usage;
  add_tpm(certificate, out);
  out["extensions"] = certificate.extension_oids;
  out["ext"] = certificate.extensions_text;
  return out;
}

Facts file_facts(const EkFile& file) {
  return {{"form", ek_form_name(file.form)},
          {"certificates", file.certificates.size()},
          {"der_size", file.certificates.front().size()},
          {"der_trailing_bytes", file.trailing_bytes}};
}

Result<Facts> inspect(const ArtefactInput& input) {
  TRY(EkFile file, read_ek_file(input.file.bytes));
  TRY(EkCertificate certificate, parse_ek_certificate(file.certificates.front()));
  Facts out = file_facts(file);
  out.update(certificate_facts(certificate));
  for (std::size_t i = 1; i < file.certificates.size(); i++) {
    TRY(EkCertificate other, parse_ek_certificate(file.certificates[i]));
    out["further"].push_back(certificate_facts(other));
  }
  return out;
}

// role_of reads what the certificate is meant to be: an endorsement key's, unless the policy says otherwise.
Result<EkRole> role_of(const Json& policy) {
  std::string name = text_of(policy, "role");
  if (name.empty()) return EkRole::ek;
  for (EkRole role : {EkRole::ek, EkRole::ak, EkRole::device, EkRole::ca, EkRole::other})
    if (name == ek_role_name(role)) return role;
  return Error{Errc::denied, "policy: unknown role \"" + name + "\""};
}

Result<ArtefactAppraisal> appraise(const ArtefactInput& input) {
  TRY(EkFile file, read_ek_file(input.file.bytes));
  TRY(EkCertificate certificate, parse_ek_certificate(file.certificates.front()));
  TRY(EkStore store, ek_store(input));
  EkQuestion question;
  question.file = &file;
  question.certificate = &certificate;
  question.anchors = &store.anchors;
  question.intermediates = &store.intermediates;
  question.at = input.at;
  TRY(question.role, role_of(input.policy));
  if (const Bytes* key = input.companion("key")) {
    TRY(SigningKey own, read_signing_key(*key));
    TRY(question.key_spki, own.area.spki_der());
  }
  TRY(EkFindings found, judge_ek(question));
  ArtefactAppraisal out;
  out.facts = file_facts(file);
  out.facts.update(certificate_facts(certificate));
  out.facts.update(path_facts(found.path));
  out.checks = std::move(found.checks);
  return out;
}

}  // namespace

ArtefactKind ek_kind() {
  return {"ek", "certificates of TPMs: endorsement, attestation and device keys, their issuers", looks_like,
          inspect, appraise};
}

}  // namespace attest::ctl
