#include "apps/attestctl/http/channel.h"

#include <netdb.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "evidence/core/error_mark.h"

namespace attest::ctl {
namespace {

constexpr std::size_t kPiece = 16 << 10;

struct FreeAddresses {
  void operator()(addrinfo* list) const { freeaddrinfo(list); }
};
using Addresses = std::unique_ptr<addrinfo, FreeAddresses>;

Result<Addresses> look_up(const http::Url& url) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  int failed = getaddrinfo(url.host.c_str(), url.port.c_str(), &hints, &list);
  if (failed != 0) return Error{Errc::io, url.authority() + ": " + gai_strerror(failed)};
  return Addresses(list);
}

bool is_address(const std::string& host) {
  addrinfo hints{};
  hints.ai_flags = AI_NUMERICHOST;
  addrinfo* list = nullptr;
  bool number = getaddrinfo(host.c_str(), nullptr, &hints, &list) == 0;
  Addresses owned(number ? list : nullptr);
  return number;
}

int left(Clock::time_point until) {
  auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(until - Clock::now()).count();
  return static_cast<int>(std::clamp<long long>(ms, 0, 600000));
}

// connected waits for a connection that was begun; 0, or the error.
int connected(int fd, Clock::time_point until) {
  pollfd one{fd, POLLOUT, 0};
  int ready = poll(&one, 1, left(until));
  if (ready <= 0) return ready == 0 ? ETIMEDOUT : errno;
  int error = 0;
  socklen_t size = sizeof error;
  return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : errno;
}

Result<OwnedFd> connect_any(const http::Url& url, Clock::time_point until) {
  TRY(Addresses list, look_up(url));
  int error = ENOENT;
  for (const addrinfo* at = list.get(); at != nullptr; at = at->ai_next) {
    OwnedFd fd(socket(at->ai_family, at->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, at->ai_protocol));
    if (!fd) {
      error = errno;
      continue;
    }
    error = connect(fd.get(), at->ai_addr, at->ai_addrlen) == 0 ? 0 : errno == EINPROGRESS ? connected(fd.get(), until) : errno;
    if (error == 0) return fd;
  }
  return Error{Errc::io, url.authority() + ": " + std::strerror(error)};
}

std::string openssl_text() {
  unsigned long code = ERR_peek_last_error();
  char text[256] = "no reason given";
  if (code != 0) ERR_error_string_n(code, text, sizeof text);
  return text;
}

}  // namespace

Result<Channel> Channel::open(const http::Url& url, SSL_CTX* tls, Clock::time_point until) {
  TRY(OwnedFd fd, connect_any(url, until));
  Channel out(std::move(fd), url.authority(), until);
  if (tls != nullptr) CHECK_OK(out.start_tls(url, tls));
  return out;
}

Status Channel::wait(short events) {
  for (;;) {
    pollfd one{fd_.get(), events, 0};
    int ready = poll(&one, 1, left(until_));
    if (ready > 0) return ok();
    if (ready == 0) return failed("did not answer in time");
    if (errno != EINTR) return failed(std::strerror(errno));
  }
}

Status Channel::send_all(View bytes) {
  while (!bytes.empty()) {
    ssize_t n = send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n > 0) {
      bytes = bytes.subspan(static_cast<std::size_t>(n));
    } else if (errno == EAGAIN || errno == EINTR) {
      CHECK_OK(wait(POLLOUT));
    } else {
      return failed(std::strerror(errno));
    }
  }
  return ok();
}

Result<std::size_t> Channel::receive(std::span<std::uint8_t> out) {
  for (;;) {
    if (Clock::now() >= until_) return failed("did not answer in time");
    ssize_t n = recv(fd_.get(), out.data(), out.size(), 0);
    if (n >= 0) return static_cast<std::size_t>(n);
    if (errno != EAGAIN && errno != EINTR) return failed(std::strerror(errno));
    CHECK_OK(wait(POLLIN));
  }
}

Status Channel::flush() {
  std::array<std::uint8_t, kPiece> piece;
  for (;;) {
    int n = BIO_read(SSL_get_wbio(ssl_.get()), piece.data(), static_cast<int>(piece.size()));
    if (n <= 0) return ok();
    CHECK_OK(send_all(View(piece).first(static_cast<std::size_t>(n))));
  }
}

Status Channel::step(int code) {
  int why = SSL_get_error(ssl_.get(), code);
  CHECK_OK(flush());
  if (why == SSL_ERROR_WANT_WRITE) return ok();
  if (why != SSL_ERROR_WANT_READ) {
    long verify = SSL_get_verify_result(ssl_.get());
    if (verify != X509_V_OK) return Error{Errc::untrusted, name_ + ": its certificate: " + X509_verify_cert_error_string(verify)};
    return failed("TLS: " + openssl_text());
  }
  std::array<std::uint8_t, kPiece> piece;
  TRY(std::size_t n, receive(piece));
  if (n == 0) return failed("closed the connection");
  return BIO_write(SSL_get_rbio(ssl_.get()), piece.data(), static_cast<int>(n)) == static_cast<int>(n) ? ok() : Status(failed("no memory"));
}

Status Channel::start_tls(const http::Url& url, SSL_CTX* tls) {
  ErrorMark mark;
  ssl_.reset(SSL_new(tls));
  BIO *in = BIO_new(BIO_s_mem()), *out = BIO_new(BIO_s_mem());
  if (!ssl_ || in == nullptr || out == nullptr) {
    BIO_free(in);
    BIO_free(out);
    return failed("no memory for TLS");
  }
  SSL_set_bio(ssl_.get(), in, out);
  SSL_set_connect_state(ssl_.get());
  X509_VERIFY_PARAM* param = SSL_get0_param(ssl_.get());
  X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  bool named = is_address(url.host) ? X509_VERIFY_PARAM_set1_ip_asc(param, url.host.c_str()) == 1
                                    : X509_VERIFY_PARAM_set1_host(param, url.host.c_str(), 0) == 1 &&
                                          SSL_set_tlsext_host_name(ssl_.get(), url.host.c_str()) == 1;
  if (!named) return failed("no name a certificate could have");
  for (;;) {
    int done = SSL_do_handshake(ssl_.get());
    if (done == 1) return flush();
    CHECK_OK(step(done));
  }
}

Status Channel::write(std::string_view text) {
  if (!ssl_) return send_all(as_view(text));
  ErrorMark mark;
  while (!text.empty()) {
    int n = SSL_write(ssl_.get(), text.data(), static_cast<int>(std::min(text.size(), kPiece)));
    if (n <= 0) {
      CHECK_OK(step(n));
      continue;
    }
    CHECK_OK(flush());
    text.remove_prefix(static_cast<std::size_t>(n));
  }
  return ok();
}

Result<bool> Channel::read(std::string& out) {
  std::array<std::uint8_t, kPiece> piece;
  if (!ssl_) {
    TRY(std::size_t n, receive(piece));
    out.append(as_text(View(piece).first(n)));
    return n > 0;
  }
  ErrorMark mark;
  for (;;) {
    int n = SSL_read(ssl_.get(), piece.data(), static_cast<int>(piece.size()));
    if (n > 0) {
      out.append(as_text(View(piece).first(static_cast<std::size_t>(n))));
      return true;
    }
    if (SSL_get_error(ssl_.get(), n) == SSL_ERROR_ZERO_RETURN) return false;
    CHECK_OK(step(n));
  }
}

}  // namespace attest::ctl
