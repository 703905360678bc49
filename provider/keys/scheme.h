// scheme.h: from what a program sets up (digest, padding, salt) to the TLS 1.3 SignatureScheme the daemon
// signs with.
#pragma once
#include "evidence/core/hash.h"
#include "provider/keys/remote_key.h"

namespace attest {

// SignatureSettings is what a signature context was told, in OpenSSL's numbers.
struct SignatureSettings {
  std::string digest;       // "" until told
  int padding = 1;          // RSA_PKCS1_PADDING, OpenSSL's default for RSA
  int salt_length = -2;     // RSA_PSS_SALTLEN_AUTO, OpenSSL's default
  std::string mgf1_digest;  // "": as digest
};

// hash_alg_from_openssl_name knows OpenSSL's names: "SHA256", "SHA2-256".
std::optional<HashAlg> hash_alg_from_openssl_name(std::string_view name);

// tls13_scheme: RFC 8446, section 4.2.3. ECDSA: the curve's own hash. RSA: PSS alone, salt as long as the
// hash, MGF1 with that hash. Fails with unsupported and a text that begins "key.scheme: ".
Result<std::uint16_t> tls13_scheme(KeyKind kind, const SignatureSettings& settings);

}  // namespace attest
