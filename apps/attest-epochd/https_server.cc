#include <openssl/err.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <charconv>
#include <csignal>

#include "apps/attest-epochd/https.h"
#include "evidence/core/crypto.h"

namespace attest::epochd {
namespace {

constexpr std::size_t kThreads = 8;
constexpr std::size_t kMaxRequest = 4096;

Error tls_error(const std::string& what) {
  char text[256] = "no reason given";
  if (unsigned long code = ERR_get_error(); code != 0) ERR_error_string_n(code, text, sizeof text);
  return {Errc::io, what + ": " + text};
}

Result<OwnedSslCtx> server_context(const ServerOptions& options) {
  ERR_clear_error();
  OwnedSslCtx ctx(SSL_CTX_new_ex(private_libctx(), nullptr, TLS_server_method()));
  if (!ctx || SSL_CTX_set_min_proto_version(ctx.get(), TLS1_2_VERSION) != 1) return tls_error("TLS server");
  if (SSL_CTX_use_certificate_chain_file(ctx.get(), options.cert.c_str()) != 1) return tls_error(options.cert);
  if (SSL_CTX_use_PrivateKey_file(ctx.get(), options.key.c_str(), SSL_FILETYPE_PEM) != 1) return tls_error(options.key);
  return ctx;
}

void set_patience(int fd) {
  timeval patience{kPatienceSeconds, 0};
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
}

// read_request reads up to the empty line; "" if it does not come in time or is too long.
std::string read_request(SSL* ssl) {
  std::string request;
  auto end = std::chrono::steady_clock::now() + std::chrono::seconds(2 * kPatienceSeconds);
  while (request.find("\r\n\r\n") == std::string::npos) {
    char part[1024];
    int n = SSL_read(ssl, part, sizeof part);
    if (n <= 0 || request.size() > kMaxRequest || std::chrono::steady_clock::now() > end) return "";
    request.append(part, static_cast<std::size_t>(n));
  }
  return request;
}

std::string response(const std::string& status, View body) {
  std::string out = "HTTP/1.1 " + status + "\r\nContent-Type: application/octet-stream\r\nContent-Length: " +
                    std::to_string(body.size()) + "\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n";
  return out.append(as_text(body));
}

}  // namespace

Result<std::unique_ptr<Server>> Server::start(const ServerOptions& options, Current current) {
  ::signal(SIGPIPE, SIG_IGN);
  TRY(OwnedSslCtx ctx, server_context(options));
  OwnedBio listener(BIO_new_accept(options.address.c_str()));
  if (!listener) return tls_error("listen on " + options.address);
  BIO_set_bind_mode(listener.get(), BIO_BIND_REUSEADDR);
  BIO_set_nbio_accept(listener.get(), 1);
  if (BIO_do_accept(listener.get()) != 1) return tls_error("listen on " + options.address);
  return std::unique_ptr<Server>(new Server(std::move(ctx), std::move(listener), std::move(current)));
}

Server::Server(OwnedSslCtx ctx, OwnedBio listener, Current current)
    : ctx_(std::move(ctx)), listener_(std::move(listener)), current_(std::move(current)) {
  std::string_view port = BIO_get_accept_port(listener_.get());
  std::from_chars(port.data(), port.data() + port.size(), port_);
  for (std::size_t i = 0; i < kThreads; i++) threads_.emplace_back([this] { serve(); });
}

Server::~Server() {
  stop_ = true;
  for (std::thread& thread : threads_) thread.join();
}

void Server::serve() {
  int listening = -1;
  BIO_get_fd(listener_.get(), &listening);
  while (!stop_) {
    pollfd waiting{listening, POLLIN, 0};
    if (::poll(&waiting, 1, 200) <= 0) continue;
    int fd = ::accept4(listening, nullptr, nullptr, SOCK_CLOEXEC);  // another thread may have been faster
    if (fd < 0) continue;
    set_patience(fd);
    OwnedSsl ssl(SSL_new(ctx_.get()));
    if (ssl && SSL_set_fd(ssl.get(), fd) == 1 && SSL_accept(ssl.get()) == 1) answer(ssl.get());
    ERR_clear_error();
    ssl.reset();
    ::close(fd);
  }
}

void Server::answer(SSL* ssl) const {
  std::string request = read_request(ssl);
  if (request.empty()) return;
  std::string wanted = std::string("GET ") + kPath + " ";
  Bytes current = current_();
  std::string out = !request.starts_with(wanted) ? response("404 Not Found", {})
                    : current.empty()            ? response("503 Service Unavailable", {})
                                                 : response("200 OK", current);
  if (SSL_write(ssl, out.data(), static_cast<int>(out.size())) > 0) SSL_shutdown(ssl);
}

}  // namespace attest::epochd
