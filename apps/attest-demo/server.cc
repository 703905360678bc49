// A TLS server: answers each client with one line.
#include <cstdio>

#include "apps/attest-demo/tls.h"

namespace demo {
namespace {

bool serve(BIO* client, SSL_CTX* context) {
  Connection tls(SSL_new(context));
  if (!tls) return false;
  BIO_up_ref(client);
  SSL_set_bio(tls.get(), client, client);
  if (SSL_accept(tls.get()) != 1) return false;
  std::string line = "hello over " + std::string(SSL_get_version(tls.get())) + "\n";
  bool sent = SSL_write(tls.get(), line.data(), static_cast<int>(line.size())) > 0;
  SSL_shutdown(tls.get());
  return sent;
}

}  // namespace

int run_server(const std::string& address, const Files& files, int connections) {
  Context context = make_context(TLS_server_method(), files);
  if (!context) return 1;
  Stream listener(BIO_new_accept(address.c_str()));
  BIO_set_bind_mode(listener.get(), BIO_BIND_REUSEADDR);
  if (!listener || BIO_do_accept(listener.get()) <= 0) return complain("cannot listen on " + address);
  std::printf("listening on %s\n", address.c_str());
  std::fflush(stdout);
  for (int served = 0; connections == 0 || served < connections; served++) {
    if (BIO_do_accept(listener.get()) <= 0) return complain("cannot accept");
    Stream client(BIO_pop(listener.get()));
    if (!serve(client.get(), context.get())) complain("handshake failed");
  }
  return 0;
}

}  // namespace demo
