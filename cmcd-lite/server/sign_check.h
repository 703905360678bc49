// sign_check.h: what a handshake key may sign: the content of a TLS 1.3 CertificateVerify, nothing else.
#pragma once
#include "evidence/native/binder.h"

namespace attest {

// certificate_verify_role reads the content of a CertificateVerify (RFC 8446, section 4.4.3): 64 spaces, the context
// string, a zero byte and the transcript hash of 32 or 48 bytes. Returns whose signature it is; denied for anything
// else, a bare digest above all.
Result<Role> certificate_verify_role(View content);

// check_scheme: the TLS SignatureSchemes that keys of the daemon make: ecdsa_secp256r1_sha256, ecdsa_secp384r1_sha384,
// rsa_pss_rsae_sha256, rsa_pss_rsae_sha384. unsupported otherwise.
Status check_scheme(std::uint16_t scheme);

}  // namespace attest
