// client.h: HTTP over TCP or TLS, one request a connection, everything bounded: time, size, redirections (none).
#pragma once
#include <openssl/ssl.h>

#include <chrono>

#include "evidence/core/owned.h"
#include "evidence/http/message.h"

namespace attest {

using OwnedSslCtx = Owned<SSL_CTX, SSL_CTX_free>;

// tls_client_context verifies servers by these roots (PEM files; none: the system's), TLS 1.2 at least, in our own library
// context: openssl.cnf is not read. io for a file that cannot be read.
Result<OwnedSslCtx> tls_client_context(const std::vector<std::string>& roots);

struct HttpOptions {
  std::vector<std::string> roots;  // PEM, of servers; empty: those of the system
  std::string cert, key;           // client certificate, PEM; empty: none
  std::chrono::milliseconds deadline{10000};  // for a whole call
  std::size_t max_body = 16 << 20;            // of an answer
};

struct HttpAnswer {
  int status = 0;
  std::string content_type;
  std::string body;
};

// HttpClient makes calls; certificates and roots are read once, in our own library context: openssl.cnf is not read, and the
// program's attested TLS has no part in it. A server is judged by its name and the roots. Looking a name up is the system's
// business and may take longer than the deadline.
class HttpClient {
 public:
  static Result<HttpClient> make(HttpOptions options);
  // call: any answer counts, whatever its status. io if none came in time; untrusted if the server's certificate is not
  // good; malformed if the answer is no HTTP or too large. Errors name the server, never what was sent.
  Result<HttpAnswer> call(const http::Url& url, const http::Request& request) const;

 private:
  explicit HttpClient(HttpOptions options) : options_(std::move(options)) {}
  HttpOptions options_;
  OwnedSslCtx tls_;
};

}  // namespace attest
