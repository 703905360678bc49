// web_server.h: a web server of a test's own.
#pragma once
#include <openssl/ssl.h>

#include <functional>
#include <mutex>
#include <thread>

#include "evidence/core/fd.h"
#include "test/support/test_ca.h"

namespace attest::test {

// WebServer answers one connection after the other with what `answer` makes of the request (nothing: it hangs up), over TLS
// where it has a certificate, from clients under client_ca alone where that is given. On 127.0.0.1, at a free port.
class WebServer {
 public:
  using Answer = std::function<std::string(const std::string&)>;
  explicit WebServer(Answer answer, const TestCert* cert = nullptr, const TestCert* client_ca = nullptr);
  ~WebServer();
  std::string url(const std::string& path) const;
  std::vector<std::string> requests() const;

 private:
  void use(const TestCert& cert, const TestCert* client_ca);
  template <class Read, class Write>
  void talk(Read&& read, Write&& write);
  void meet(int fd);
  void serve();
  Answer answer_;
  OwnedFd listener_;
  int port_ = 0;
  Owned<SSL_CTX, SSL_CTX_free> tls_;
  mutable std::mutex mutex_;
  std::vector<std::string> requests_;
  std::thread thread_;
};

}  // namespace attest::test
