#include "provider/libattest/exporter.h"

namespace attest::atls {

Result<Bytes> export_binding(SSL* ssl, std::string_view label) {
  if (SSL_is_init_finished(ssl) != 1) return Error{Errc::denied, "the TLS handshake is not finished"};
  if (SSL_version(ssl) != TLS1_3_VERSION)
    return Error{Errc::denied, std::string("the connection speaks ") + SSL_get_version(ssl) + ", TLS 1.3 is due"};
  Bytes out(kBindingSize);
  if (SSL_export_keying_material(ssl, out.data(), out.size(), label.data(), label.size(), nullptr, 0, 0) != 1)
    return Error{Errc::io, "OpenSSL exports no key material"};
  return out;
}

}  // namespace attest::atls
