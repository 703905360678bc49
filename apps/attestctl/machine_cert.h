// machine_cert.h: certificates for keys that only ever sign handshakes and so can sign no request for one.
#pragma once
#include "apps/attestctl/certs.h"
#include "apps/attestctl/session.h"

namespace attest::ctl {

// certify_spki makes a TLS certificate for a public key. The issuer is a key made for this one signature and
// thrown away: what proves the machine is its evidence, not this name. Returns PEM.
Result<std::string> certify_spki(View spki_der, const CertProfile& profile);

// ensure_machine_cert makes the daemon's client key and certificate where cmcd.json names them and the
// certificate is missing. Returns the path of the certificate; "" where none is configured.
Result<std::string> ensure_machine_cert(const Session& session);

}  // namespace attest::ctl
