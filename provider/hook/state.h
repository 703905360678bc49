// state.h: what the hook remembers of an SSL_CTX, an SSL and one handshake; all of it in OpenSSL's ex_data.
#pragma once
#include <openssl/ssl.h>

#include <array>
#include <atomic>
#include <optional>

#include "evidence/native/binder.h"
#include "provider/hook/hook.h"
#include "provider/hook/link.h"

namespace attest {

using SecurityCallback = int (*)(const SSL*, const SSL_CTX*, int, int, int, void*, void*);

// Judged is where a peer's evidence stands. Only accepted and observed let a demanding side go on, and only
// accepted releases evidence of our own.
enum class Judged { no, accepted, observed, refused };

// Handshake is forgotten whenever a new one begins: at the first message in both roles, and after SSL_clear.
struct Handshake {
  // as the judging side
  std::shared_ptr<Link> link;  // the connection our nonce was issued on; held until the daemon judged
  std::optional<Result<std::shared_ptr<Link::Judging>>> judging;  // once the daemon was asked
  std::uint64_t handle = 0;
  Bytes our_request;
  Bytes evidence_in;
  Judged judged = Judged::no;
  std::uint64_t verdict = 0;  // of the daemon, if it accepted the peer
  std::string why;            // of a refusal: what the error queue says
  std::string fault;          // what makes the peer's messages unusable; judged as a refusal
  // as the proving side
  Bytes peer_request;  // the peer's ask, until it is answered
  Bytes evidence_out;
  std::size_t sent = 0;
  // both
  Bytes reply;  // EncryptedExtensions answer, sent or received
  std::optional<std::array<std::uint8_t, 32>> server_tag;
  // server
  std::optional<std::optional<Bytes>> first_hello;  // our extension in the first ClientHello, or its absence
  bool told_hello = false;    // a refused ClientHello's reason stands on the error queue
  bool told_version = false;  // the refusal of a version stands on the error queue
  unsigned asked = 0;         // CertificateRequests so far
  bool forced = false;        // we made it ask for a certificate, the program did not
};

struct SslState {
  Handshake now;
  std::optional<int>
      program_verify_mode;  // what the server program had set before we asked for a certificate
  SecurityCallback program_security = nullptr;  // set on this SSL over ours, by the program
  bool in_security = false;                     // a callback that chains to us must not make a circle
  bool in_keylog = false;
};

struct CtxState {
  SecurityCallback program_security = nullptr;
  std::atomic<SSL_CTX_keylog_cb_func> program_keylog{nullptr};
};

// state_of: nullptr where the object was made before arming, or there was no memory. Whoever enforces then
// refuses.
inline SslState* state_of(const Hook& hook, const SSL* ssl) {
  return static_cast<SslState*>(SSL_get_ex_data(ssl, hook.ssl_index));
}
inline CtxState* state_of(const Hook& hook, const SSL_CTX* ctx) {
  return ctx == nullptr ? nullptr : static_cast<CtxState*>(SSL_CTX_get_ex_data(ctx, hook.ctx_index));
}

// Call is one callback's view of its connection.
struct Call {
  static constexpr int kQuic = 1;  // SSL_version() of a QUIC connection, OpenSSL 3.2 and later
  Hook& hook;
  SSL* ssl;
  SslState& state;
  bool server;
  Handshake& now() const { return state.now; }
  // quic: OpenSSL then calls us with its engine locked, and whatever would set options on the SSL waits for
  // ever.
  bool quic() const { return SSL_version(ssl) == kQuic; }
  // attestable: a handshake with a Certificate message that can carry evidence.
  bool attestable() const { return SSL_version(ssl) == TLS1_3_VERSION || quic(); }
  // demand is what we ask of this connection's peer.
  Mode demand() const { return hook.settings.demand(server); }
  bool requires_evidence() const { return demand() == Mode::require; }
  const char* who() const { return server ? "server" : "client"; }
  void refuse(std::string_view why) const noexcept { hook.refuse(who(), why); }
  void log(int level, std::string_view text) const noexcept { hook.log.line(level, who(), text); }
};
// call_of: nullopt if this SSL has no state.
std::optional<Call> call_of(const SSL* ssl);

}  // namespace attest
