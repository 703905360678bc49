#include "verifier/dcap/issuers.h"

namespace attest {
namespace {

constexpr std::size_t kMaxIssuers = 32;

std::string quoted(const std::string& name) { return "\"" + name + "\""; }

Result<std::shared_ptr<const Issuer>> issuer_of(const DcapCertificate& ca, const Issuer* above, bool intel) {
  if (!ca.is_ca || !ca.key_cert_sign)
    return Error{Errc::untrusted, "certificate " + quoted(ca.subject_cn) + ": not a CA"};
  CHECK_OK(check_profile(ca));
  TRY(P256PublicKey key, P256PublicKey::make(ca.point));
  Validity validity{ca.not_before, ca.not_after};
  if (above != nullptr) validity = validity.meet(above->validity);
  return std::make_shared<const Issuer>(Issuer{ca.der, to_bytes(ca.subject), to_bytes(ca.serial),
                                               to_bytes(ca.issuer), std::move(key), validity,
                                               above == nullptr, intel, ca.crl_sign});
}

}  // namespace

Status check_profile(const DcapCertificate& certificate) {
  if (certificate.unknown_critical.empty()) return ok();
  return Error{Errc::untrusted, "certificate " + quoted(certificate.subject_cn) + ": critical extension " +
                                    certificate.unknown_critical + " is not understood"};
}

Result<Issuers> Issuers::make(const std::vector<Bytes>& roots) {
  Issuers out;
  auto add = [&out](View der) {
    auto certificate = parse_dcap_certificate(der);
    if (!certificate || !equal(certificate->issuer, certificate->subject)) return;
    auto issuer = issuer_of(*certificate, nullptr, equal(der, intel_root()));
    if (issuer && out.issuers_.size() < kMaxIssuers) out.issuers_.push_back(*std::move(issuer));
  };
  for (const Bytes& der : roots) add(der);
  if (roots.empty()) add(intel_root());
  if (out.issuers_.empty())
    return Error{Errc::denied, "trust roots: none of Intel's form (self-signed CA, P-256)"};
  return out;
}

Status Issuers::admit(const DcapCertificate& ca) {
  for (const auto& known : issuers_)
    if (known->der == ca.der) return ok();
  if (issuers_.size() >= kMaxIssuers) return Error{Errc::denied, "certificate chain: too many CAs"};
  TRY(auto above, signer(ca));
  if (!above->root)
    return Error{Errc::untrusted,
                 "certificate " + quoted(ca.subject_cn) + ": a CA below a CA that is no root"};
  TRY(auto issuer, issuer_of(ca, above.get(), above->intel));
  issuers_.push_back(std::move(issuer));
  return ok();
}

Result<std::shared_ptr<const Issuer>> Issuers::find(View name, View tbs, View signature, bool crl,
                                                    const std::string& what) const {
  bool named = false;
  for (const auto& issuer : issuers_) {
    if (!equal(issuer->subject, name) || (crl && !issuer->crl_sign)) continue;
    named = true;
    if (issuer->key.verify_der(tbs, signature, what)) return issuer;
  }
  return Error{Errc::untrusted, what + (named ? ": signature does not verify" : ": its issuer is not known")};
}

Result<std::shared_ptr<const Issuer>> Issuers::signer(const DcapCertificate& certificate) const {
  return find(certificate.issuer, certificate.tbs, certificate.signature, false,
              "certificate " + quoted(certificate.subject_cn) + " of " + quoted(certificate.issuer_cn));
}

Result<std::shared_ptr<const Issuer>> Issuers::signer(const DcapCrl& crl) const {
  return find(crl.issuer, crl.tbs, crl.signature, true, "CRL of " + quoted(crl.issuer_cn));
}

}  // namespace attest
