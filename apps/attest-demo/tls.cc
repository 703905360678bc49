#include "apps/attest-demo/tls.h"

#include <openssl/err.h>

#include <cstdio>

namespace demo {

int complain(const std::string& what) {
  std::fprintf(stderr, "%s\n", what.c_str());
  ERR_print_errors_fp(stderr);
  return 1;
}

Context make_context(const SSL_METHOD* method, const Files& files) {
  Context context(SSL_CTX_new(method));
  bool loaded = context != nullptr;
  if (loaded && !files.cert.empty())
    loaded = SSL_CTX_use_certificate_chain_file(context.get(), files.cert.c_str()) == 1 &&
             SSL_CTX_use_PrivateKey_file(context.get(), files.key.c_str(), SSL_FILETYPE_PEM) == 1;
  if (loaded && !files.ca.empty())
    loaded = SSL_CTX_load_verify_locations(context.get(), files.ca.c_str(), nullptr) == 1;
  if (loaded) return context;
  complain("cannot set TLS up");
  return nullptr;
}

}  // namespace demo
