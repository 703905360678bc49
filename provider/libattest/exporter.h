// exporter.h: what ties reports to one TLS connection. In a file of its own: tests that replay recorded exchanges link
// another one, and nothing at run time can.
#pragma once
#include <openssl/ssl.h>

#include "evidence/core/bytes.h"

namespace attest::atls {

inline constexpr std::size_t kBindingSize = 32;
inline constexpr std::string_view kClientLabel = "EXPORTER-CMC-Attestation-Client";
inline constexpr std::string_view kServerLabel = "EXPORTER-CMC-Attestation-Server";

// export_binding is the exporter (RFC 8446, section 7.5) of the connection under label, without a context. denied for
// anything but a finished TLS 1.3 handshake; io if OpenSSL fails.
Result<Bytes> export_binding(SSL* ssl, std::string_view label);

}  // namespace attest::atls
