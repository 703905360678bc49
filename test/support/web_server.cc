#include "test/support/web_server.h"

#include <arpa/inet.h>
#include <sys/socket.h>

#include <cstdlib>

#include "evidence/core/crypto.h"

namespace attest::test {
namespace {

// whole: head and as much body as it says.
bool whole(const std::string& text) {
  std::size_t head = text.find("\r\n\r\n"), length = text.find("Content-Length: ");
  if (head == std::string::npos) return false;
  return length == std::string::npos || length > head || text.size() >= head + 4 + std::stoul(text.substr(length + 16));
}

}  // namespace

WebServer::WebServer(Answer answer, const TestCert* cert, const TestCert* client_ca)
    : answer_(std::move(answer)), listener_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in any{};
  any.sin_family = AF_INET;
  any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof any;
  bool good = bind(listener_.get(), reinterpret_cast<sockaddr*>(&any), size) == 0 && listen(listener_.get(), 16) == 0 &&
              getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&any), &size) == 0;
  if (!good) std::abort();
  port_ = ntohs(any.sin_port);
  if (cert != nullptr) use(*cert, client_ca);
  thread_ = std::thread([this] { serve(); });
}

WebServer::~WebServer() {
  shutdown(listener_.get(), SHUT_RDWR);
  thread_.join();
}

std::string WebServer::url(const std::string& path) const {
  return std::string(tls_ ? "https" : "http") + "://127.0.0.1:" + std::to_string(port_) + path;
}

std::vector<std::string> WebServer::requests() const {
  std::lock_guard lock(mutex_);
  return requests_;
}

void WebServer::use(const TestCert& cert, const TestCert* client_ca) {
  tls_.reset(SSL_CTX_new_ex(private_libctx(), nullptr, TLS_server_method()));
  SSL_CTX_use_certificate(tls_.get(), cert.certificate.get());
  SSL_CTX_use_PrivateKey(tls_.get(), cert.key.get());
  if (client_ca == nullptr) return;
  X509_STORE_add_cert(SSL_CTX_get_cert_store(tls_.get()), client_ca->certificate.get());
  SSL_CTX_set_verify(tls_.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
}

template <class Read, class Write>
void WebServer::talk(Read&& read, Write&& write) {
  std::string text;
  char part[4096];
  while (!whole(text)) {
    int n = read(part, static_cast<int>(sizeof part));
    if (n <= 0) return;
    text.append(part, static_cast<std::size_t>(n));
  }
  {
    std::lock_guard lock(mutex_);
    requests_.push_back(text);
  }
  std::string out = answer_(text);
  if (!out.empty()) write(out.data(), static_cast<int>(out.size()));
}

void WebServer::meet(int fd) {
  if (!tls_)
    return talk([&](char* to, int n) { return static_cast<int>(recv(fd, to, static_cast<std::size_t>(n), 0)); },
                [&](const char* from, int n) { (void)send(fd, from, static_cast<std::size_t>(n), MSG_NOSIGNAL); });
  Owned<SSL, SSL_free> ssl(SSL_new(tls_.get()));
  SSL_set_fd(ssl.get(), fd);
  if (SSL_accept(ssl.get()) != 1) return;
  talk([&](char* to, int n) { return SSL_read(ssl.get(), to, n); }, [&](const char* from, int n) { SSL_write(ssl.get(), from, n); });
  SSL_shutdown(ssl.get());
}

void WebServer::serve() {
  for (;;) {
    OwnedFd fd(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!fd) return;
    timeval patience{20, 0};
    setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    meet(fd.get());
  }
}

}  // namespace attest::test
