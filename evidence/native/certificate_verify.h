// certificate_verify.h: what a TLS 1.3 CertificateVerify signs (RFC 8446, section 4.4.3).
#pragma once
#include <optional>

#include "evidence/native/binder.h"

namespace attest {

// certificate_verify_signer reads 64 spaces, "TLS 1.3, server CertificateVerify" (or client), a zero byte and
// a transcript hash of 32 or 48 bytes. Returns whose signature it will be; nullopt for anything else, a bare
// digest above all: handshake keys sign nothing but this.
std::optional<Role> certificate_verify_signer(View content);

}  // namespace attest
