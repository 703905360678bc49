// key_program.h: a program as the module sees it: a library context with OpenSSL's default provider and ours.
#pragma once
#include <openssl/ssl.h>

#include "cmcd-lite/client/connection.h"
#include "test/support/key_daemon.h"

namespace attest::test {

using OwnedLibctx = Owned<OSSL_LIB_CTX, OSSL_LIB_CTX_free>;
using OwnedSsl = Owned<SSL, SSL_free>;
using OwnedSslCtx = Owned<SSL_CTX, SSL_CTX_free>;

// KeyProgram loads the key half of the module under the name "attest" into a library context of its own.
class KeyProgram {
 public:
  struct Options {
    ClientOptions client;
    const char* properties = "?provider!=attest";  // as conf/openssl.cnf says; nullptr: none
    bool default_by_attest = true;  // our init loads default, as module.cc does; else it came before
  };
  explicit KeyProgram(const Options& options);
  explicit KeyProgram(const std::string& socket) : KeyProgram(options_for(socket)) {}
  static Options options_for(const std::string& socket);
  ~KeyProgram();
  KeyProgram(const KeyProgram&) = delete;
  KeyProgram& operator=(const KeyProgram&) = delete;
  OSSL_LIB_CTX* libctx() const { return libctx_.get(); }
  OwnedPkey read_pem(
      std::string_view pem) const;            // as PEM_read_PrivateKey does for programs; null on failure
  OwnedPkey read_uri(const char* uri) const;  // as OSSL_STORE does; null on failure

 private:
  OwnedLibctx libctx_;
  OSSL_PROVIDER* default_ = nullptr;
  OSSL_PROVIDER* attest_ = nullptr;
};

// provider_of names the provider that serves a key: "attest" or "default".
std::string provider_of(const EVP_PKEY* key);
// errors_text empties this thread's error queue into "lib::reason: data" lines.
std::string errors_text();
// reference_pem writes the reference of a key of the daemon.
std::string reference_pem(KeyDaemon& daemon, const std::string& name, const std::string& socket = "");
// self_signed makes a certificate for key in OpenSSL's default context.
OwnedX509 self_signed(EVP_PKEY* key);
// handshake runs client and server in memory; true when both finish.
bool handshake(SSL* client, SSL* server);

}  // namespace attest::test
