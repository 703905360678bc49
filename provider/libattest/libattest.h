/* libattest.h: attested TLS 1.3.0 on OpenSSL. After the TLS handshake both ends prove to each other, inside the stream,
 * what machines they run on; then the stream is the program's. The peer may be a program with this library or one of a
 * CMC fleet. Reports are made and judged by the daemon of the machine (cmcd-lite, or CMC's agent).
 *
 *   ATTEST_CONFIG *config = attest_config_new();
 *   attest_prepare(config, ctx);                        // before SSL_new
 *   ...
 *   ATTEST_SESSION *session = attest_session_new(config, ssl);
 *   if (attest_handshake(session) != 1)                 // SSL_connect or SSL_accept included
 *     fprintf(stderr, "%s\n", attest_error(session));   // and close the connection
 *   SSL_write(ssl, ...);
 *
 * Functions return 1 for success and 0 for failure unless they say otherwise. Configurations may be shared by threads
 * once they are set; a session belongs to one thread at a time, as its SSL object does. */
#ifndef LIBATTEST_H
#define LIBATTEST_H

#include <openssl/ssl.h>
#include <stddef.h>

#if defined(__GNUC__)
#define ATTEST_API __attribute__((visibility("default")))
#else
#define ATTEST_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

typedef struct attest_config ATTEST_CONFIG;
typedef struct attest_session ATTEST_SESSION;

/* attest_config_new makes a configuration with the defaults below; NULL without memory. */
ATTEST_API ATTEST_CONFIG *attest_config_new(void);
/* attest_config_set sets one value; 0 for an unknown name or a bad value, see attest_config_error.
 *   mode          mutual (default), client, server or none: who proves. Both ends must be set to the same.
 *   agent         address of the daemon: unix://PATH, tcp://HOST:PORT; default /run/attest/cmc.sock
 *   serializer    cbor (default) or json; peers may differ
 *   policies      file with a JavaScript policy that may refuse what the daemon accepts
 *   timeout-ms    for the TLS handshake and the exchange together, 100 to 600000; default 10000; a call of the agent that has
 *                 begun then is waited for as long again at most, and the peer is told of the failure for two seconds
 *   max-frame     bytes of the largest message taken, 1024 to 268435456; default 67108864
 *   reattest-s    seconds after which the peer must prove itself again, 1 to 86400; 0, the default, means never.
 *                 Data then goes through attest_read and attest_write, and the peer must use this library too. */
ATTEST_API int attest_config_set(ATTEST_CONFIG *config, const char *name, const char *value);
/* attest_config_error says what was wrong with the last value; lent until the next call with this configuration. */
ATTEST_API const char *attest_config_error(const ATTEST_CONFIG *config);
ATTEST_API void attest_config_free(ATTEST_CONFIG *config);

/* attest_prepare makes a context fit: TLS 1.3 alone, no tickets, no early data, ALPN offered and never required. Set up
 * certificates and verification yourself: attestation says what the peer is, TLS who. */
ATTEST_API int attest_prepare(const ATTEST_CONFIG *config, SSL_CTX *context);

/* attest_session_new lends ssl, which must outlive the session, and keeps what it needs of config; NULL without memory. */
ATTEST_API ATTEST_SESSION *attest_session_new(const ATTEST_CONFIG *config, SSL *ssl);
/* attest_handshake finishes TLS where that has not happened and plays the exchange. SSL_set_fd and SSL_set_connect_state
 * or SSL_set_accept_state come before. The socket may block or not; it is left as it was and without a deadline. After
 * a failure close the connection. */
ATTEST_API int attest_handshake(ATTEST_SESSION *session);
/* attest_read and attest_write carry the program's data: with reattest-s they keep the watch over the peer and are the
 * only way, without it they are SSL_read and SSL_write. attest_read gives the bytes read, 0 when the peer closed in order,
 * -1 for an error; attest_write all of size or -1. With reattest-s both wait, whatever the socket does, and an error means
 * that the peer is gone, does not answer, or has changed: close the connection. */
ATTEST_API int attest_read(ATTEST_SESSION *session, void *data, size_t size);
ATTEST_API int attest_write(ATTEST_SESSION *session, const void *data, size_t size);
/* attest_reattest has the peer prove itself now; needs reattest-s. */
ATTEST_API int attest_reattest(ATTEST_SESSION *session);
/* attest_error is what went wrong, for logs of this side; "" after success. Lent as long as the session. */
ATTEST_API const char *attest_error(const ATTEST_SESSION *session);
/* attest_result lends the peer's attestation result of the handshake, JSON; NULL if none was judged. Also after a refusal. */
ATTEST_API const char *attest_result(const ATTEST_SESSION *session);
/* attest_peer lends the hex SHA-256 of the peer's certificate; "" if it showed none. */
ATTEST_API const char *attest_peer(const ATTEST_SESSION *session);
ATTEST_API void attest_session_free(ATTEST_SESSION *session);

#ifdef __cplusplus
}
#endif
#endif
