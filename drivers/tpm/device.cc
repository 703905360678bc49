#include "drivers/tpm/device.h"

#include "evidence/native/message.h"
#include "evidence/x509/certificate.h"

namespace attest {

std::string key_notice(const TpmDevice& device) {
  if (device.orphaned_chain)
    return "ak.lost: " + device.config.ak_chain.string() +
           " certifies an attestation key that is gone (was the TPM cleared?); peers will refuse the one there is now until it is "
           "certified too; remedy: attestctl enroll request";
  if (device.key.replaced() && device.ak_chain.empty())
    return "ak.lost: the attestation key was gone (was the TPM cleared?) and a new one was made; remedy: attestctl enroll "
           "request, or pin its name (attestctl status) where the old one was pinned";
  return {};
}

Result<std::vector<Bytes>> read_ak_chain(View pem, const PublicArea& key, std::string_view name) {
  TRY(std::vector<Bytes> chain, split_certificates(pem, name));
  if (chain.size() > kMaxCerts)
    return Error{Errc::denied, std::string(name) + ": " + std::to_string(chain.size()) +
                                   " certificates; at most " + std::to_string(kMaxCerts) + " travel"};
  for (const Bytes& der : chain)
    if (der.size() > kMaxCertBytes)
      return Error{Errc::denied, std::string(name) + ": a certificate is too long"};
  TRY(OwnedX509 leaf, parse_certificate(chain.front()));
  TRY(Bytes expected, key.spki_der());
  const EVP_PKEY* certified = X509_get0_pubkey(leaf.get());
  if (certified == nullptr || spki_der(certified) != expected)
    return Error{Errc::mismatch, std::string(name) +
                                     ": its first certificate is for another key than this "
                                     "machine's attestation key; remedy: enroll again"};
  return chain;
}

}  // namespace attest
