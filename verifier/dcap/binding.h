// binding.h: the public key of a certificate that carries a quote (RA-TLS) is the one the quote speaks for.
#pragma once
#include "verifier/dcap/checks.h"

namespace attest {

// judge_certificate_key compares REPORTDATA with the certificate's key in the forms that frameworks hash:
// SHA-256 of the SubjectPublicKeyInfo (Intel, Gramine) and of its PEM with the closing NUL (Open Enclave),
// zeros behind. Check "certificate-key". The certificate must also be signed with its own key.
void judge_certificate_key(View certificate_der, View report_data, NamedChecks& checks);

}  // namespace attest
