#include <openssl/crypto.h>

#include "evidence/native/message.h"
#include "provider/hook/callbacks.h"

namespace attest {
namespace {

constexpr unsigned kContexts = SSL_EXT_CLIENT_HELLO | SSL_EXT_TLS1_3_ENCRYPTED_EXTENSIONS |
                               SSL_EXT_TLS1_3_CERTIFICATE | SSL_EXT_TLS1_3_CERTIFICATE_REQUEST |
                               SSL_EXT_TLS_ONLY | SSL_EXT_TLS1_3_ONLY;
// The chain itself needs room beside the evidence.
constexpr long kMaxCertList = kMaxEvidence + (100 << 10);
constexpr const char* kSuites = "TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256";
// SSL_OP_NO_TX_CERTIFICATE_COMPRESSION of OpenSSL 3.2: a chain compressed in advance has no room for our
// extension.
constexpr std::uint64_t kNoCompressedCerts = std::uint64_t{1} << 32;

// Before 3.2 OpenSSL calls the ex_data constructor of an SSL when it is set up, since then before.
bool ssl_is_complete_when_new() { return OpenSSL_version_num() < 0x30200000UL; }
bool has_certificate_compression() { return OpenSSL_version_num() >= 0x30200000UL; }

int deny_callback(const SSL*, const SSL_CTX*, int, int, int, void*, void*) noexcept {
  if (Hook* hook = armed_hook())
    hook->refuse(
        "hook",
        "hook.broken: the handshake hook could not be installed (out of memory?); restart the program");
  return 0;
}

bool has_tls13_suite(const STACK_OF(SSL_CIPHER) * ciphers) {
  for (int i = 0; i < sk_SSL_CIPHER_num(ciphers); i++)
    if ((SSL_CIPHER_get_id(sk_SSL_CIPHER_value(ciphers, i)) >> 8 & 0xff) == 0x13) return true;
  return false;
}

// restore_suites gives back the suites that the second fail-closed switch took away. Only where the list is
// still the context's own: OpenSSL may be walking a list that belongs to the SSL, and setting suites would
// free it.
void restore_suites(SSL* ssl) {
  STACK_OF(SSL_CIPHER)* list = SSL_get_ciphers(ssl);
  if (list == SSL_CTX_get_ciphers(SSL_get_SSL_CTX(ssl)) && !has_tls13_suite(list))
    SSL_set_ciphersuites(ssl, kSuites);
}

void allow_tls13(SSL* ssl) {
  SSL_clear_options(ssl, SSL_OP_NO_TLSv1_3);
  long highest = SSL_get_max_proto_version(ssl);
  if (highest != 0 && highest < TLS1_3_VERSION) SSL_set_max_proto_version(ssl, 0);
}

// no_resumption: a resumed handshake has no Certificate message, so no evidence could travel or be judged.
void no_resumption(const Call& call) {
  SSL* ssl = call.ssl;
  SSL_set_psk_use_session_callback(ssl, nullptr);
  SSL_set_psk_find_session_callback(ssl, nullptr);
  SSL_set_psk_client_callback(ssl, nullptr);
  SSL_set_psk_server_callback(ssl, nullptr);
  SSL_set_max_early_data(ssl, 0);
  if (call.server) {
    if (!call.quic()) SSL_set_options(ssl, SSL_OP_NO_TICKET);
    SSL_set_num_tickets(ssl, 0);
  } else if (SSL_get_session(ssl) != nullptr) {
    SSL_set_session(ssl, nullptr);  // what the program hoped to resume; it did not begin yet
  }
}

// offers_tls13 reads supported_versions of the ClientHello: u8 length, versions of two bytes.
bool offers_tls13(SSL* ssl) {
  const unsigned char* body = nullptr;
  std::size_t size = 0;
  if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_supported_versions, &body, &size) != 1) return false;
  Reader in(View(body, size));
  in.u8();
  while (in.more())
    if (in.u16be() == TLS1_3_VERSION && in.good()) return true;
  return false;
}

bool install(Hook& hook, SSL_CTX* ctx, CtxState& state) {
  if (SSL_CTX_add_custom_ext(ctx, kTlsExtension, kContexts, add_extension, free_extension, nullptr,
                             parse_extension, nullptr) != 1)
    return false;
  state.program_security = SSL_CTX_get_security_callback(ctx);
  SSL_CTX_set_security_callback(ctx, security_callback);
  SSL_CTX_set_cert_verify_callback(ctx, verify_callback, nullptr);
  if (hook.settings.evidence) SSL_CTX_set_client_cert_cb(ctx, client_cert_callback);
  bool asks = hook.settings.client != Mode::off || hook.settings.server != Mode::off;
  if (asks && SSL_CTX_get_max_cert_list(ctx) < kMaxCertList) SSL_CTX_set_max_cert_list(ctx, kMaxCertList);
  SSL_CTX_set_client_hello_cb(ctx, client_hello_callback, nullptr);
  keep_keylog(hook, ctx);
  return true;
}

}  // namespace

void deny_ctx(SSL_CTX* ctx) noexcept { SSL_CTX_set_security_callback(ctx, deny_callback); }

void set_up_ctx(Hook& hook, SSL_CTX* ctx, CtxState& state) noexcept {
  if (!install(hook, ctx, state)) deny_ctx(ctx);
}

void set_up_ssl(Hook& hook, SSL* ssl, SslState* state) noexcept {
  if (!ssl_is_complete_when_new()) return;
  if (state == nullptr || state_of(hook, SSL_get_SSL_CTX(ssl)) == nullptr)
    return SSL_set_security_callback(ssl, deny_callback);
  stand_guard({hook, ssl, *state, SSL_is_server(ssl) == 1});
  keep_keylog(hook, SSL_get_SSL_CTX(ssl));
  restore_suites(ssl);
}

bool stand_guard(const Call& call) {
  SecurityCallback current = SSL_get_security_callback(call.ssl);
  if (current == security_callback) return false;
  call.state.program_security = current;
  SSL_set_security_callback(call.ssl, security_callback);
  return true;
}

int client_hello_callback(SSL* ssl, int* alert, void*) noexcept {
  *alert = SSL_AD_HANDSHAKE_FAILURE;
  auto call = call_of(ssl);
  if (!call) return SSL_CLIENT_HELLO_ERROR;
  if (stand_guard(*call)) begin_handshake(*call);
  if (!call->requires_evidence() || call->quic() || offers_tls13(ssl)) return SSL_CLIENT_HELLO_SUCCESS;
  try {
    refuse_version(*call);
  } catch (const std::exception&) {
    call->log(1, "internal: out of memory in the attest module");
  }
  return SSL_CLIENT_HELLO_ERROR;
}

void end_handshake(const Call& call) {
  call.now().link.reset();
  if (auto mode = std::exchange(call.state.program_verify_mode, std::nullopt))
    SSL_set_verify(call.ssl, *mode, SSL_get_verify_callback(call.ssl));
}

void begin_handshake(const Call& call) {
  end_handshake(call);  // of an SSL that was cleared in the middle of one
  call.now() = Handshake{};
  restore_suites(call.ssl);
  if (has_certificate_compression() && !call.quic()) SSL_set_options(call.ssl, kNoCompressedCerts);
  if (call.demand() == Mode::off) return;
  if (call.requires_evidence() && !call.quic()) allow_tls13(call.ssl);
  no_resumption(call);
}

}  // namespace attest
