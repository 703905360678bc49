#include "provider/libattest/connection.h"

#include <arpa/inet.h>
#include <sys/socket.h>

#include "evidence/core/hash.h"
#include "evidence/core/hex.h"
#include "evidence/core/owned.h"
#include "provider/libattest/exporter.h"

namespace attest::atls {
namespace {

// alpn_list is what a client offers, in the form ALPN has.
Bytes alpn_list(bool links) {
  Bytes out;
  for (std::string_view name : {kAlpnLinks, kAlpn, kAlpnHttp}) {
    if (name == kAlpnLinks && !links) continue;
    out.push_back(static_cast<std::uint8_t>(name.size()));
    out.insert(out.end(), name.begin(), name.end());
  }
  return out;
}

bool select_name(View offers, std::string_view wanted, const unsigned char** out, unsigned char* out_size) {
  for (Reader offered(offers); offered.more();) {
    View name = offered.take(offered.u8());
    if (!offered.good() || as_text(name) != wanted) continue;
    *out = name.data();
    *out_size = static_cast<unsigned char>(name.size());
    return true;
  }
  return false;
}

template <bool kLinks>
int select_alpn(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* in, unsigned in_size, void*) {
  View offers(in, in_size);
  bool taken = (kLinks && select_name(offers, kAlpnLinks, out, out_size)) || select_name(offers, kAlpn, out, out_size);
  return taken ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
}

std::string certificate_id(SSL* ssl) {
  X509* certificate = SSL_get0_peer_certificate(ssl);
  unsigned char* der = nullptr;
  int size = certificate != nullptr ? i2d_X509(certificate, &der) : 0;
  if (size <= 0) return {};
  std::string id = to_hex(sha256(View(der, static_cast<std::size_t>(size))).view());
  OPENSSL_free(der);
  return id;
}

std::string peer_address(int fd) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  char text[INET6_ADDRSTRLEN] = {};
  if (fd < 0 || ::getpeername(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) return {};
  if (address.ss_family == AF_INET) {
    const auto& in = reinterpret_cast<const sockaddr_in&>(address);
    ::inet_ntop(AF_INET, &in.sin_addr, text, sizeof text);
    return std::string(text) + ":" + std::to_string(ntohs(in.sin_port));
  }
  if (address.ss_family != AF_INET6) return {};
  const auto& in = reinterpret_cast<const sockaddr_in6&>(address);
  ::inet_ntop(AF_INET6, &in.sin6_addr, text, sizeof text);
  return "[" + std::string(text) + "]:" + std::to_string(ntohs(in.sin6_port));
}

// showed_certificate: the peer has seen one of ours. OpenSSL chooses a signature algorithm only where one is shown.
bool showed_certificate(SSL* ssl) {
  int nid = 0;
  return SSL_get_signature_nid(ssl, &nid) == 1 && SSL_session_reused(ssl) != 1;
}

Result<Exchange> prepare_exchange(const Settings& settings, SSL* ssl) {
  if (settings.reattest.count() > 0 && spoken(ssl) != kAlpnLinks)
    return Error{Errc::unsupported, "the peer cannot be attested again and again: it does not speak " + std::string(kAlpnLinks)};
  Exchange exchange;
  exchange.server = SSL_is_server(ssl) == 1;
  exchange.mode = settings.mode;
  exchange.encoding = settings.encoding;
  TRY(exchange.bindings.client, export_binding(ssl, kClientLabel));
  TRY(exchange.bindings.server, export_binding(ssl, kServerLabel));
  exchange.peer = peer_of(ssl);
  exchange.shown = showed_certificate(ssl);
  return exchange;
}

}  // namespace

Status prepare(SSL_CTX* context, bool links) {
  Bytes list = alpn_list(links);
  bool fits = SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) == 1 && SSL_CTX_set_num_tickets(context, 0) == 1 &&
              SSL_CTX_set_max_early_data(context, 0) == 1 &&
              SSL_CTX_set_alpn_protos(context, list.data(), static_cast<unsigned>(list.size())) == 0;
  if (!fits) return Error{Errc::io, "OpenSSL refuses the settings of attested TLS"};
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET);
  SSL_CTX_set_alpn_select_cb(context, links ? select_alpn<true> : select_alpn<false>, nullptr);
  return ok();
}

Outcome attest_connection(const Settings& settings, SSL* ssl, Agent& agent) {
  Outcome out;
  TlsFrames frames(ssl, Clock::now() + settings.timeout, settings.max_frame);
  Status shaken = frames.handshake();
  if (!shaken) {
    out.failure = std::move(shaken).error();
    return out;
  }
  auto exchange = prepare_exchange(settings, ssl);
  if (exchange) return run_exchange(*exchange, frames, agent);
  out.failure = std::move(exchange).error();
  return out;
}

PeerName peer_of(SSL* ssl) { return {certificate_id(ssl), peer_address(SSL_get_fd(ssl))}; }

std::string_view spoken(SSL* ssl) {
  const unsigned char* name = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(ssl, &name, &size);
  return as_text({name, size});
}

}  // namespace attest::atls
