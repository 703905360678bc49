// A TLS client: prints what the server says.
#include <cstdio>

#include "apps/attest-demo/tls.h"

namespace demo {

int run_client(const std::string& address, const std::string& name, const Files& files) {
  Context context = make_context(TLS_client_method(), files);
  if (!context) return 1;
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  Stream stream(BIO_new_ssl_connect(context.get()));
  SSL* tls = nullptr;
  if (!stream || BIO_get_ssl(stream.get(), &tls) != 1 ||
      BIO_set_conn_hostname(stream.get(), address.c_str()) != 1)
    return complain("cannot connect to " + address);
  SSL_set_tlsext_host_name(tls, name.c_str());
  SSL_set1_host(tls, name.c_str());
  if (BIO_do_connect(stream.get()) != 1 || BIO_do_handshake(stream.get()) != 1)
    return complain("handshake with " + name + " failed");
  char line[256];
  int size = BIO_read(stream.get(), line, sizeof line - 1);
  if (size <= 0) return complain("nothing came from " + name);
  std::printf("%.*s", size, line);
  return 0;
}

}  // namespace demo
