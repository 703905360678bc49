#include "verifier/ek/ek.h"

#include <openssl/x509v3.h>

#include "verifier/ek/checks.h"

namespace attest {
namespace {

namespace check = ek_check;

bool lists(const EkCertificate& certificate, std::string_view usage) {
  return certificate.extended_usage &&
         std::ranges::find(*certificate.extended_usage, usage) != certificate.extended_usage->end();
}

std::string usage_objection(const EkCertificate& certificate, EkRole role) {
  std::uint32_t usage = certificate.key_usage.value_or(0xffffffff);
  bool rsa = certificate.key && !EVP_PKEY_is_a(certificate.key.get(), "EC");
  bool ek_usage = lists(certificate, "2.23.133.8.1"), ak_usage = lists(certificate, "2.23.133.8.3");
  if ((role == EkRole::ca) != certificate.ca)
    return certificate.ca ? "it is a CA's certificate" : "it is no CA's certificate";
  switch (role) {
    case EkRole::ek:
      if (certificate.extended_usage && !ek_usage)
        return "its extended key usage is not that of an endorsement key";
      if ((usage & static_cast<std::uint32_t>(rsa ? KU_KEY_ENCIPHERMENT : KU_KEY_AGREEMENT)) == 0)
        return "its key usage is not that of an endorsement key";
      return {};
    case EkRole::ak:
      if (certificate.extended_usage && !ek_usage && !ak_usage)
        return "its extended key usage is not that of an attestation key";
      return (usage & KU_DIGITAL_SIGNATURE) == 0 ? "its key usage is not that of an attestation key" : "";
    case EkRole::device:
      return (usage & KU_DIGITAL_SIGNATURE) == 0 ? "its key may not sign" : "";
    case EkRole::ca:
      return (usage & KU_KEY_CERT_SIGN) == 0 ? "its key may not sign certificates" : "";
    case EkRole::other:
      return {};
  }
  return "unknown role";
}

void judge_usage(const EkQuestion& question, Findings& out) {
  const EkCertificate& certificate = *question.certificate;
  std::string why = usage_objection(certificate, question.role);
  if (!why.empty())
    out.fail(check::kUsage, why, ek_role_name(question.role), ek_role_name(certificate.role()));
  else if (question.role == EkRole::ek && !certificate.extended_usage)
    out.warn(check::kUsage, "no extended key usage says that it is an endorsement key's");
  else
    out.pass(check::kUsage, ek_role_name(question.role));
}

void judge_attributes(const EkQuestion& question, Findings& out) {
  const EkCertificate& certificate = *question.certificate;
  if (question.role != EkRole::ek && question.role != EkRole::ak) return;
  if (certificate.manufacturer.empty() || certificate.model.empty() || certificate.version.empty())
    return out.warn(check::kAttributes,
                    "the subjectAltName does not name the TPM's manufacturer, model and version");
  out.pass(check::kAttributes,
           certificate.manufacturer + " " + certificate.model + " " + certificate.version);
}

void judge_key(const EkQuestion& question, Findings& out) {
  if (question.key_spki.empty()) {
    if (question.role == EkRole::ek)
      out.warn(check::kKey, "the TPM's own key was not given: whose certificate this is remains open");
    return;
  }
  const auto& key = question.certificate->key;
  if (key && equal(spki_der(key.get()), question.key_spki))
    out.pass(check::kKey);
  else
    out.fail(check::kKey, "the certificate is for another key than the TPM's");
}

}  // namespace

Result<EkFindings> judge_ek(const EkQuestion& question) {
  EkFindings out;
  const EkFile& file = *question.file;
  if (file.padding)
    out.pass(check::kForm, ek_form_name(file.form));
  else
    out.warn(check::kForm,
             std::to_string(file.trailing_bytes) + " bytes behind the certificate are no padding");
  std::vector<Bytes> others =
      question.intermediates != nullptr ? *question.intermediates : std::vector<Bytes>{};
  others.insert(others.end(), file.certificates.begin() + 1, file.certificates.end());
  PathQuestion path{file.certificates.front(), &others, question.anchors};
  TRY(out.path, find_path(path));
  judge_path(out.path, question.at, check::kPath, out);
  judge_usage(question, out);
  judge_attributes(question, out);
  judge_key(question, out);
  return out;
}

}  // namespace attest
