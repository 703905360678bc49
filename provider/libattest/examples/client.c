/* client.c: an attested TLS client.   cc client.c $(pkg-config --cflags --libs libattest)
 *   atls-client HOST:PORT CA.pem [NAME=VALUE]...       settings as libattest.h lists them, e.g. mode=server */
#include <libattest.h>
#include <openssl/err.h>
#include <stdio.h>
#include <string.h>

static int set_all(ATTEST_CONFIG *config, int count, char **settings) {
  for (int i = 0; i < count; i++) {
    char *value = strchr(settings[i], '=');
    if (value == NULL) return 0;
    *value++ = '\0';
    if (attest_config_set(config, settings[i], value) != 1) {
      fprintf(stderr, "%s\n", attest_config_error(config));
      return 0;
    }
  }
  return 1;
}

/* talk says a line over the attested connection and prints the answer. */
static int talk(ATTEST_SESSION *session, SSL *ssl) {
  char line[256];
  int size;
  if (attest_handshake(session) != 1) {
    fprintf(stderr, "refused: %s\n", attest_error(session));
    return 1;
  }
  attest_write(session, "hello\n", 6); /* SSL_write and SSL_read do as well, unless reattest-s is set */
  size = attest_read(session, line, sizeof line);
  if (size > 0) fwrite(line, 1, (size_t)size, stdout);
  SSL_shutdown(ssl);
  return size > 0 ? 0 : 1;
}

int main(int argc, char **argv) {
  SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
  ATTEST_CONFIG *config = attest_config_new();
  BIO *stream = NULL;
  ATTEST_SESSION *session = NULL;
  SSL *ssl = NULL;
  int code = 2;
  if (argc < 3 || ctx == NULL || config == NULL || set_all(config, argc - 3, argv + 3) != 1) {
    fprintf(stderr, "usage: atls-client HOST:PORT CA.pem [NAME=VALUE]...\n");
  } else if (attest_prepare(config, ctx) == 1 && SSL_CTX_load_verify_file(ctx, argv[2]) == 1) {
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
    stream = BIO_new_ssl_connect(ctx);
    BIO_get_ssl(stream, &ssl);
    BIO_set_conn_hostname(stream, argv[1]);
    SSL_set1_host(ssl, BIO_get_conn_hostname(stream));
    code = 1;
    if (BIO_do_connect(stream) == 1 && (session = attest_session_new(config, ssl)) != NULL) code = talk(session, ssl);
  }
  ERR_print_errors_fp(stderr); /* no file, no connection, a certificate that was refused */
  attest_session_free(session);
  BIO_free_all(stream);
  attest_config_free(config);
  SSL_CTX_free(ctx);
  return code;
}
