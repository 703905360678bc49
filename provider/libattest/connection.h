// connection.h: attested TLS on an SSL object.
#pragma once
#include "provider/libattest/tls_frames.h"

namespace attest::atls {

// kAlpn is offered by our clients and taken by our servers, so that peers of ours know each other; it is never required.
// kAlpnLinks is spoken where both ends are set to re-attestation (links.h): data then travels in frames.
inline constexpr std::string_view kAlpn = "attest-atls/1";
inline constexpr std::string_view kAlpnLinks = "attest-atls/1+links";
// kAlpnHttp is offered last: a server in Go that names protocols of its own (Caddy's) refuses clients that offer others alone.
inline constexpr std::string_view kAlpnHttp = "http/1.1";

struct Settings {
  AttestMode mode = AttestMode::mutual;
  Encoding encoding = Encoding::cbor;
  std::chrono::milliseconds timeout{10000};  // TLS handshake and exchange together; CMC's peers wait 10 s
  std::uint32_t max_frame = cmc::kMaxAtlsFrame;
  std::chrono::seconds reattest{0};  // the peer proves itself again after so long; 0: never
};

// prepare makes contexts fit: TLS 1.3 alone, no early data, no tickets, and ALPN: kAlpn, or kAlpnLinks before it with
// links, offered by clients (and kAlpnHttp behind them) and selected by servers where offered. A program that sets ALPN itself afterwards has the
// last word. io if OpenSSL fails.
Status prepare(SSL_CTX* context, bool links = false);

// attest_connection finishes the TLS handshake if it has not happened yet and plays the exchange. Afterwards the stream
// carries the program's data, without any deadline of ours. A failed outcome leaves the connection to be
// closed. With Settings::reattest a peer that does not speak kAlpnLinks is refused before anything is said.
Outcome attest_connection(const Settings& settings, SSL* ssl, Agent& agent);

// peer_of names the peer by its certificate and address.
PeerName peer_of(SSL* ssl);
// spoken is the ALPN protocol both ends agreed on; empty: none.
std::string_view spoken(SSL* ssl);
// speaks_ours: both ends are this library.
inline bool speaks_ours(SSL* ssl) { return spoken(ssl) == kAlpn || spoken(ssl) == kAlpnLinks; }

}  // namespace attest::atls
