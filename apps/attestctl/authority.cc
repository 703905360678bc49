#include "apps/attestctl/authority.h"

#include "evidence/x509/certificate.h"

namespace attest::ctl {

Result<Identity> read_identity(const std::string& cert_path, const std::string& key_path,
                               const std::string& passphrase_file) {
  Identity identity;
  TRY(identity.chain, read_certificates(cert_path));
  TRY(identity.cert, parse_certificate(identity.chain.front()));
  TRY(identity.key, read_key(key_path, passphrase_file));
  if (X509_check_private_key(identity.cert.get(), identity.key.get()) != 1)
    return Error{Errc::mismatch, cert_path + " and " + key_path + " do not belong together"};
  return identity;
}

}  // namespace attest::ctl
