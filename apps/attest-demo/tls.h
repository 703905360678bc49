// tls.h: the little that client and server share.
#pragma once
#include <openssl/bio.h>
#include <openssl/ssl.h>

#include <memory>
#include <string>

namespace demo {

struct Free {
  void operator()(SSL_CTX* p) const { SSL_CTX_free(p); }
  void operator()(SSL* p) const { SSL_free(p); }
  void operator()(BIO* p) const { BIO_free_all(p); }
};
using Context = std::unique_ptr<SSL_CTX, Free>;
using Connection = std::unique_ptr<SSL, Free>;
using Stream = std::unique_ptr<BIO, Free>;

struct Files {
  std::string cert, key, ca;  // PEM; cert and key may be empty for a client
};

// make_context loads the files; nullptr after complain().
Context make_context(const SSL_METHOD* method, const Files& files);

// complain prints what went wrong with everything on OpenSSL's error queue; returns 1 for main.
int complain(const std::string& what);

int run_server(const std::string& address, const Files& files, int connections);
int run_client(const std::string& address, const std::string& name, const Files& files);

}  // namespace demo
