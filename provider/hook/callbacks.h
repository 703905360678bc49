// callbacks.h: the C functions OpenSSL calls, one file each; no exception leaves any of them, and whatever
// fails inside them refuses.
#pragma once
#include "provider/hook/state.h"

namespace attest {

// set_up.cc
// ------------------------------------------------------------------------------------------------------------
// set_up_ctx installs extension and callbacks on a new SSL_CTX; anything that cannot be installed denies it.
void set_up_ctx(Hook& hook, SSL_CTX* ctx, CtxState& state) noexcept;
// deny_ctx makes an SSL_CTX refuse everything.
void deny_ctx(SSL_CTX* ctx) noexcept;
// set_up_ssl: before OpenSSL 3.2 the SSL is complete here and can be put under the hook again where the
// program set its own callback; later versions call too early, and begin_handshake does that work. A null
// state denies the SSL.
void set_up_ssl(Hook& hook, SSL* ssl, SslState* state) noexcept;
// stand_guard puts our security callback over one that the program set on the context instead of ours; true
// if it had to. Before 3.2 set_up_ssl does that; since then the first of our other callbacks does.
bool stand_guard(const Call& call);
// client_hello_callback is where a server learns that it has to, and refuses a client without TLS 1.3 under
// our alert; where a program set its own instead, version_rule refuses it under OpenSSL's.
int client_hello_callback(SSL* ssl, int* alert, void* arg) noexcept;
// begin_handshake forgets the last handshake and takes from the SSL what would go round us: sessions,
// tickets, early data, pre-shared keys, protocol versions. OpenSSL's state machine asks for SECOP_VERSION
// before its first message.
void begin_handshake(const Call& call);
// end_handshake gives a server program its own verify mode back, and the daemon a connection that served for
// nothing: a client that was only preferred to attest may have sent no certificate.
void end_handshake(const Call& call);

// keylog.cc
// ------------------------------------------------------------------------------------------------------------
void keylog_callback(const SSL* ssl, const char* line) noexcept;
// keep_keylog chains our callback again where the program set its own after us (curl with SSLKEYLOGFILE,
// haproxy).
void keep_keylog(Hook& hook, SSL_CTX* ctx) noexcept;

// extension.cc
// ---------------------------------------------------------------------------------------------------------
int add_extension(SSL* ssl, unsigned type, unsigned context, const unsigned char** out, std::size_t* size,
                  X509* cert, std::size_t entry, int* alert, void* arg) noexcept;
void free_extension(SSL* ssl, unsigned type, unsigned context, const unsigned char* out, void* arg) noexcept;
int parse_extension(SSL* ssl, unsigned type, unsigned context, const unsigned char* in, std::size_t size,
                    X509* cert, std::size_t entry, int* alert, void* arg) noexcept;

// enforce.cc
// -----------------------------------------------------------------------------------------------------------
int security_callback(const SSL* ssl, const SSL_CTX* ctx, int op, int bits, int nid, void* other,
                      void* ex) noexcept;
// refuse_version gives the reason that the peer is too old for evidence.
void refuse_version(const Call& call);
// verify_callback judges where the program's own check of the certificate stands beside ours.
int verify_callback(X509_STORE_CTX* store, void* arg) noexcept;

// prove.cc
// -------------------------------------------------------------------------------------------------------------
int client_cert_callback(SSL* ssl, X509** cert, EVP_PKEY** key) noexcept;

}  // namespace attest
