// https.h: as much of HTTP over TLS as one small file needs.
#pragma once
#include <openssl/ssl.h>

#include <atomic>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "evidence/core/bytes.h"
#include "evidence/core/owned.h"

namespace attest::epochd {

using OwnedSslCtx = Owned<SSL_CTX, SSL_CTX_free>;
using OwnedSsl = Owned<SSL, SSL_free>;

inline constexpr const char* kPath = "/epoch-id";
inline constexpr int kPatienceSeconds = 5;  // for each read and write; a connection has twice that in all

struct ServerOptions {
  std::string address = "0.0.0.0:8443";  // "HOST:PORT", "[V6]:PORT"; port 0: a free one
  std::string cert, key;                 // PEM, of the TLS server
};

// Server answers GET /epoch-id with what `current` returns and everything else with 404, on a few threads. A client that
// stalls costs one of them for a few seconds: with many machines put a web server in front and serve the file.
class Server {
 public:
  using Current = std::function<Bytes()>;  // called from any of the threads; empty: none yet, answered 503
  static Result<std::unique_ptr<Server>> start(const ServerOptions& options, Current current);
  ~Server();
  unsigned port() const { return port_; }

 private:
  Server(OwnedSslCtx ctx, OwnedBio listener, Current current);
  void serve();
  void answer(SSL* ssl) const;
  OwnedSslCtx ctx_;
  OwnedBio listener_;
  Current current_;
  unsigned port_ = 0;
  std::atomic<bool> stop_ = false;
  std::vector<std::thread> threads_;
};

// https_get fetches https://HOST[:PORT]/PATH; the certificate must be for HOST and lead to a root of ca_file (empty: the
// system's). io, untrusted or malformed otherwise; the body has at most max_bytes.
Result<Bytes> https_get(const std::string& url, const std::string& ca_file, std::size_t max_bytes);

}  // namespace attest::epochd
