// tls_scheme.h: the TLS 1.3 SignatureSchemes our keys sign (RFC 8446, clause 4.2.3).
#pragma once
#include "evidence/core/hash.h"

namespace attest {

struct TlsScheme {
  std::uint16_t id;
  HashAlg hash;
  const char*
      curve;  // algorithm of the key, "ec-p256"; nullptr: RSA, RSA-PSS with a salt as long as the hash
};

// tls_scheme finds a scheme a key of this algorithm can sign; unsupported otherwise.
Result<TlsScheme> tls_scheme(std::uint16_t id, std::string_view algorithm);

}  // namespace attest
