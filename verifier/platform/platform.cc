#include "verifier/platform/platform.h"

#include <openssl/x509v3.h>

#include "evidence/core/error_mark.h"
#include "evidence/core/hex.h"
#include "verifier/platform/checks.h"

namespace attest {
namespace {

namespace check = platform_check;
using OwnedName = Owned<X509_NAME, X509_NAME_free>;
constexpr std::string_view kBase = "2.23.133.8.2", kRebase = "2.23.133.8.4", kDeltaType = "2.23.133.8.5";
constexpr PathChecks kPath{check::kIssuerPath, check::kIssuerPath, check::kIssuerPath, check::kIssuerPath,
                           check::kIssuerPath};

OwnedName name_of(View der) {
  const std::uint8_t* at = der.data();
  return OwnedName(d2i_X509_NAME(nullptr, &at, static_cast<long>(der.size())));
}

bool same_name(View der, const X509_NAME* name) {
  OwnedName own = name_of(der);
  return own && !der.empty() && X509_NAME_cmp(own.get(), name) == 0;
}

bool same_name(View a, View b) {
  OwnedName other = name_of(b);
  return other && !b.empty() && same_name(a, other.get());
}

View without_zeros(View number) {
  while (number.size() > 1 && number[0] == 0) number = number.subspan(1);
  return number;
}

void judge_form(const PlatformCertificate& certificate, Findings& out) {
  bool negative = certificate.serial.empty() || (certificate.serial[0] & 0x80) != 0;
  if (certificate.attribute_form && certificate.version != 2)
    return out.fail(check::kForm, "an attribute certificate of another version", "2",
                    std::to_string(certificate.version));
  if (!certificate.algorithms_agree)
    return out.fail(check::kForm, "the algorithm that is signed is not the one that is named outside");
  if (negative || without_zeros(certificate.serial).size() > 20)
    return out.fail(check::kForm, "the serial number is not positive or longer than 20 bytes");
  if (certificate.trailing_bytes > 0)
    return out.warn(check::kForm,
                    std::to_string(certificate.trailing_bytes) + " bytes stand behind the certificate");
  out.pass(check::kForm);
}

void judge_time(const PlatformCertificate& certificate, UnixTime at, Findings& out) {
  std::string window =
      format_rfc3339(certificate.not_before) + " to " + format_rfc3339(certificate.not_after);
  if (at < certificate.not_before)
    return out.fail(check::kTime, "it is not valid yet", window, format_rfc3339(at));
  if (at > certificate.not_after) return out.fail(check::kTime, "it has expired", window, format_rfc3339(at));
  out.pass(check::kTime, window);
}

// authority_key is the keyIdentifier of the authorityKeyIdentifier extension; empty without one.
Bytes authority_key(const PlatformCertificate& certificate) {
  for (const PlatformExtension& extension : certificate.extensions) {
    if (extension.oid != "2.5.29.35") continue;
    DerReader outer(extension.value);
    DerReader in(outer.take(der_tag::kSequence));
    if (auto id = in.take_if(der_tag::context(0, false))) return to_bytes(*id);
  }
  return {};
}

bool has_key_id(X509* issuer, View wanted) {
  const ASN1_OCTET_STRING* own = X509_get0_subject_key_id(issuer);
  if (own == nullptr || wanted.empty()) return true;
  return equal(wanted, {ASN1_STRING_get0_data(own), static_cast<std::size_t>(ASN1_STRING_length(own))});
}

struct Issuer {
  OwnedX509 x509;
  Bytes der;
};

// issuers_of lists the certificates whose subject is the issuer's name; those with its key identifier first,
// and where the policy lets the key decide, the others last.
std::vector<Issuer> issuers_of(const PlatformQuestion& question) {
  std::vector<Issuer> with, without;
  Bytes key_id = authority_key(*question.certificate);
  for (const auto* list : {question.anchors, question.intermediates}) {
    if (list == nullptr) continue;
    for (const Bytes& der : *list) {
      Result<OwnedX509> x509 = parse_certificate(der);
      if (!x509) continue;
      bool named = same_name(question.certificate->issuer_name, X509_get_subject_name(x509->get()));
      if (!named && !question.policy.issuer_by_key) continue;
      bool fits = named && has_key_id(x509->get(), key_id);
      (fits ? with : without).push_back({*std::move(x509), der});
    }
  }
  for (Issuer& issuer : without) with.push_back(std::move(issuer));
  return with;
}

bool judge_issuer_form(const PlatformQuestion& question, const std::vector<Issuer>& issuers, Findings& out) {
  if (question.certificate->issuer_extra || question.certificate->issuer_name.empty()) {
    out.fail(check::kIssuer, "the issuer is not told by exactly one directory name");
    return false;
  }
  if (issuers.empty()) {
    out.fail(check::kIssuer, "no certificate of the issuer was given");
    return false;
  }
  if (same_name(question.certificate->issuer_name, X509_get_subject_name(issuers.front().x509.get())))
    out.pass(check::kIssuer, subject_text(issuers.front().x509.get()));
  else
    out.warn(check::kIssuer, "no certificate given has the name of the issuer; the key decides");
  return true;
}

bool sha1_signature(std::string_view oid) {
  return oid == "1.2.840.113549.1.1.5" || oid == "1.3.14.3.2.29" || oid == "1.2.840.10045.4.1";
}

// judge_signature returns the issuer whose key verifies; nullptr if none does.
const Issuer* judge_signature(const PlatformQuestion& question, const std::vector<Issuer>& issuers,
                              PlatformFindings& out) {
  const PlatformCertificate& certificate = *question.certificate;
  Status last = Error{Errc::untrusted, "signature: no issuer's key can be used"};
  for (const Issuer& issuer : issuers) {
    EVP_PKEY* key = X509_get0_pubkey(issuer.x509.get());
    if (key == nullptr) continue;
    last = verify_der_signature(certificate.signed_part, certificate.algorithm, certificate.signature, key);
    if (!last) continue;
    out.signed_by = subject_text(issuer.x509.get());
    out.pass(check::kSignature, out.signed_by);
    if (sha1_signature(certificate.signature_oid) && !question.policy.allow_sha1)
      out.fail(check::kSha1, "signed over SHA-1, which the policy does not allow");
    return &issuer;
  }
  out.settle(check::kSignature, last);
  return nullptr;
}

void judge_issuer(const PlatformQuestion& question, const Issuer& issuer, Findings& out) {
  Result<CertificatePath> path = find_path({issuer.der, question.intermediates, question.anchors});
  if (!path) return out.fail(check::kIssuerPath, path.error().what);
  // An issuer that is trusted as it stands needs no path, and its own dates are its owner's business.
  UnixTime at = path->anchor == std::size_t{0} ? path->not_before + 1 : question.at;
  if (!judge_path(*path, at, kPath, out)) return;
  if (!question.certificate->attribute_form) return;
  bool ca = X509_check_ca(issuer.x509.get()) == 1;
  bool signs = (X509_get_key_usage(issuer.x509.get()) & KU_DIGITAL_SIGNATURE) != 0;
  if (!ca && signs) return;
  std::string why = ca ? "the issuer is a CA as well, which RFC 5755 forbids"
                       : "the issuer's key usage is not digitalSignature";
  question.policy.strict ? out.fail(check::kIssuerPath, why) : out.warn(check::kIssuerPath, why);
}

bool is_delta(const PlatformCertificate& certificate) {
  return certificate.claims.credential_type == kDeltaType;
}

bool holds(const PlatformHolder& holder, View issuer_name, View serial) {
  return holder.has_certificate && same_name(holder.issuer_name, issuer_name) &&
         equal(without_zeros(holder.serial), without_zeros(serial));
}

void judge_holder(const PlatformQuestion& question, Findings& out) {
  const PlatformHolder& holder = question.certificate->holder;
  if (is_delta(*question.certificate)) return;  // its holder is its base
  if (question.ek_certificate_der.empty())
    return out.warn(check::kHolder, "no EK certificate was given: whose machine this is remains open");
  if (!question.certificate->attribute_form)
    return out.fail(check::kHolder, "an X.509 certificate names no EK certificate as its holder");
  Result<OwnedX509> ek = parse_certificate(question.ek_certificate_der);
  if (!ek) return out.fail(check::kHolder, ek.error().what);
  const ASN1_INTEGER* serial = X509_get0_serialNumber(ek->get());
  View number{ASN1_STRING_get0_data(serial), static_cast<std::size_t>(ASN1_STRING_length(serial))};
  bool same = holder.has_certificate && same_name(holder.issuer_name, X509_get_issuer_name(ek->get())) &&
              equal(without_zeros(holder.serial), without_zeros(number));
  same ? out.pass(check::kHolder, to_hex(holder.serial))
       : out.fail(check::kHolder, "the holder is another EK certificate, by issuer or serial number",
                  to_hex(without_zeros(number)), to_hex(holder.serial));
}

Status check_delta(const PlatformCertificate& delta, const PlatformCertificate& base,
                   std::vector<Component>& components) {
  const PlatformClaims &a = base.claims, &b = delta.claims;
  if (!is_delta(delta))
    return Error{Errc::mismatch, "delta: its credential type is not " + std::string(kDeltaType)};
  if (!holds(delta.holder, base.issuer_name, base.serial))
    return Error{Errc::mismatch, "delta: its holder is not the base certificate"};
  if (a.manufacturer != b.manufacturer || a.model != b.model || a.serial != b.serial)
    return Error{Errc::mismatch, "delta: names another machine than the base certificate"};
  return apply_delta(b, components);
}

void judge_deltas(const PlatformQuestion& question, PlatformFindings& out) {
  const PlatformCertificate& certificate = *question.certificate;
  if (is_delta(certificate)) {
    if (question.base == nullptr)
      return out.warn(check::kDelta, "a delta without its base certificate: what it changes remains open");
    out.components = question.base->claims.components;
    out.settle(check::kDelta, check_delta(certificate, *question.base, out.components));
    return;
  }
  out.components = certificate.claims.components;
  for (const PlatformCertificate* delta : question.deltas)
    if (!out.settle(check::kDelta, check_delta(*delta, certificate, out.components))) return;
}

// judge_delta_signatures: deltas and their base change what each other says, so they need the same issuer's
// word.
void judge_delta_signatures(const PlatformQuestion& question, const std::vector<Issuer>& issuers,
                            Findings& out) {
  std::vector<const PlatformCertificate*> others = question.deltas;
  if (question.base != nullptr) others.push_back(question.base);
  for (const PlatformCertificate* other : others) {
    bool verified = std::ranges::any_of(issuers, [&](const Issuer& issuer) {
      EVP_PKEY* key = X509_get0_pubkey(issuer.x509.get());
      return key != nullptr &&
             verify_der_signature(other->signed_part, other->algorithm, other->signature, key);
    });
    if (!verified) out.fail(check::kDelta, "base and delta are not signed by the same issuer");
    if (question.at < other->not_before || question.at > other->not_after)
      out.fail(check::kDelta, "base and delta are not both valid at this time");
  }
}

void judge_type(const PlatformCertificate& certificate, Findings& out) {
  const PlatformClaims& claims = certificate.claims;
  if (claims.credential_type.empty() && certificate.attribute_form)
    return out.warn(check::kType,
                    "it does not say that it is a platform certificate, as version 1.0 did not");
  bool known = claims.credential_type.empty() || claims.credential_type == kBase ||
               claims.credential_type == kRebase || claims.credential_type == kDeltaType;
  if (!known)
    return out.fail(check::kType, "another kind of credential", std::string(kBase), claims.credential_type);
  if (claims.manufacturer.empty() || claims.model.empty())
    return out.warn(check::kType, "it does not name the platform's manufacturer and model");
  out.pass(check::kType, claims.credential_type);
}

void judge_extensions(const PlatformCertificate& certificate, Findings& out) {
  constexpr std::string_view kKnown[] = {"2.5.29.9",  "2.5.29.14", "2.5.29.15", "2.5.29.17",
                                         "2.5.29.19", "2.5.29.31", "2.5.29.32", "2.5.29.35",
                                         "2.5.29.37", "2.5.29.55", "2.5.29.56", "1.3.6.1.5.5.7.1.1"};
  bool policies = false;
  for (const PlatformExtension& extension : certificate.extensions) {
    bool known = std::ranges::find(kKnown, extension.oid) != std::end(kKnown);
    if (extension.critical && !known)
      return out.fail(check::kExtensions, "critical extension " + extension.oid + " is not understood here");
    policies = policies || extension.oid == "2.5.29.32";
  }
  policies ? out.pass(check::kExtensions)
           : out.warn(check::kExtensions, "no certificate policies, which the profile demands");
}

void judge_demands(const PlatformPolicy& policy, Findings& out) {
  for (const std::string& wanted : policy.demand) {
    bool passed = std::ranges::any_of(
        out.checks, [&](const Finding& one) { return one.id == wanted && one.outcome == Outcome::pass; });
    if (!passed) return out.fail(check::kDemanded, "the policy demands " + wanted + ", which did not pass");
  }
  if (!policy.demand.empty()) out.pass(check::kDemanded);
}

}  // namespace

Result<PlatformFindings> judge_platform(const PlatformQuestion& question) {
  ErrorMark mark;
  PlatformFindings out;
  const PlatformCertificate& certificate = *question.certificate;
  judge_form(certificate, out);
  judge_time(certificate, question.at, out);
  std::vector<Issuer> issuers = issuers_of(question);
  if (judge_issuer_form(question, issuers, out))
    if (const Issuer* issuer = judge_signature(question, issuers, out)) judge_issuer(question, *issuer, out);
  judge_holder(question, out);
  judge_deltas(question, out);
  judge_delta_signatures(question, issuers, out);
  judge_type(certificate, out);
  judge_extensions(certificate, out);
  if (question.inventory != nullptr) {
    judge_identity(certificate.claims, *question.inventory, out);
    judge_components(out.components, *question.inventory, question.policy.extra_components, out);
  }
  judge_demands(question.policy, out);
  return out;
}

}  // namespace attest
