/* server.c: an attested TLS server that echoes one line a connection.
 *   atls-server HOST:PORT CERT.pem KEY.pem COUNT [NAME=VALUE]...     settings as libattest.h lists them
 * A real server gives each connection a thread or process of its own: a peer may take its time to prove itself. */
#include <libattest.h>
#include <openssl/err.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void serve(ATTEST_SESSION *session, SSL *ssl) {
  char line[256];
  int size;
  if (session == NULL || attest_handshake(session) != 1) {
    fprintf(stderr, "refused: %s\n", attest_error(session));
    return;
  }
  fprintf(stderr, "accepted %s\n", attest_peer(session));
  size = attest_read(session, line, sizeof line);
  if (size > 0) attest_write(session, line, (size_t)size);
  SSL_shutdown(ssl);
}

static int accept_all(const ATTEST_CONFIG *config, SSL_CTX *ctx, const char *address, int count) {
  BIO *listener = BIO_new_accept(address);
  BIO_set_bind_mode(listener, BIO_BIND_REUSEADDR);
  if (BIO_do_accept(listener) <= 0) return 1;
  printf("listening on %s:%s\n", BIO_get_accept_name(listener), BIO_get_accept_port(listener));
  fflush(stdout);
  while (count-- > 0 && BIO_do_accept(listener) > 0) {
    BIO *client = BIO_pop(listener);
    SSL *ssl = SSL_new(ctx);
    SSL_set_bio(ssl, client, client);
    SSL_set_accept_state(ssl);
    ATTEST_SESSION *session = attest_session_new(config, ssl);
    serve(session, ssl);
    attest_session_free(session);
    SSL_free(ssl);
  }
  BIO_free_all(listener);
  return 0;
}

int main(int argc, char **argv) {
  SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
  ATTEST_CONFIG *config = attest_config_new();
  int code = 2;
  signal(SIGPIPE, SIG_IGN);
  for (int i = 5; config != NULL && i < argc; i++) {
    char *value = strchr(argv[i], '=');
    if (value != NULL) *value++ = '\0';
    if (attest_config_set(config, argv[i], value) != 1) argc = 0;
  }
  if (argc < 5 || ctx == NULL || config == NULL)
    fprintf(stderr, "usage: atls-server HOST:PORT CERT.pem KEY.pem COUNT [NAME=VALUE]... %s\n", attest_config_error(config));
  else if (attest_prepare(config, ctx) == 1 && SSL_CTX_use_certificate_chain_file(ctx, argv[2]) == 1 &&
           SSL_CTX_use_PrivateKey_file(ctx, argv[3], SSL_FILETYPE_PEM) == 1)
    code = accept_all(config, ctx, argv[1], atoi(argv[4]));
  ERR_print_errors_fp(stderr); /* no file, no socket */
  attest_config_free(config);
  SSL_CTX_free(ctx);
  return code;
}
