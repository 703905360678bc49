#include "verifier/dcap/binding.h"

#include "evidence/core/error_mark.h"
#include "evidence/core/hash.h"
#include "evidence/core/hex.h"
#include "evidence/x509/certificate.h"

namespace attest {
namespace {

std::string public_key_pem(View spki) {
  std::string base64 = to_base64(spki), out = "-----BEGIN PUBLIC KEY-----\n";
  for (std::size_t at = 0; at < base64.size(); at += 64) out.append(base64, at, 64).append("\n");
  return out + "-----END PUBLIC KEY-----\n";
}

Status check_key(View der, View report_data) {
  ErrorMark mark;
  TRY(OwnedX509 certificate, parse_certificate(der));
  EVP_PKEY* key = X509_get0_pubkey(certificate.get());
  if (key == nullptr) return Error{Errc::unsupported, "certificate: unreadable public key"};
  if (X509_verify(certificate.get(), key) != 1)
    return Error{Errc::untrusted, "certificate: not signed with its own key"};
  Bytes spki = spki_der(key);
  std::string pem = public_key_pem(spki);
  const std::uint8_t nul = 0;
  for (const Digest& digest : {sha256(spki), sha256({as_view(pem), View(&nul, 1)})})
    if (!digest.empty() && padded_equal(digest.view(), report_data)) return ok();
  return Error{Errc::mismatch,
               "REPORTDATA " + short_hex(report_data) + " does not vouch for the certificate's key"};
}

}  // namespace

void judge_certificate_key(View certificate_der, View report_data, NamedChecks& checks) {
  checks.settle(dcap_check::kCertificateKey, check_key(certificate_der, report_data));
}

}  // namespace attest
