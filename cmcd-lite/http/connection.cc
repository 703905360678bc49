#include "cmcd-lite/http/connection.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "evidence/core/error_mark.h"

namespace attest {

bool expect_name(SSL* ssl, const std::string& host) {
  in6_addr address{};
  bool numeric = ::inet_pton(AF_INET, host.c_str(), &address) == 1 || ::inet_pton(AF_INET6, host.c_str(), &address) == 1;
  if (numeric) return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host.c_str()) == 1;
  return SSL_set1_host(ssl, host.c_str()) == 1 && SSL_set_tlsext_host_name(ssl, host.c_str()) == 1;
}

}  // namespace attest

namespace attest::http {
namespace {

constexpr std::size_t kPiece = 16 << 10;

std::string openssl_text() {
  unsigned long code = ERR_peek_last_error();
  char text[256] = "no reason given";
  if (code != 0) ERR_error_string_n(code, text, sizeof text);
  return text;
}

}  // namespace

Result<Connection> Connection::open(const Url& url, SSL_CTX* tls, Deadline until) {
  TRY(OwnedFd fd, connect_tcp(url.host, url.port, until));
  Connection out(std::move(fd), url.authority(), until);
  if (tls != nullptr) CHECK_OK(out.start_tls(url, tls));
  return out;
}

Error Connection::failed(int error) const { return failed(error == ETIMEDOUT ? "did not answer in time" : std::strerror(error)); }

Status Connection::send_all(View bytes) {
  if (int error = attest::send_all(fd_.get(), bytes, until_)) return failed(error);
  return ok();
}

Result<std::size_t> Connection::receive(std::span<std::uint8_t> out) {
  for (;;) {
    if (std::chrono::steady_clock::now() >= until_) return failed(ETIMEDOUT);
    ssize_t n = recv(fd_.get(), out.data(), out.size(), 0);
    if (n >= 0) return static_cast<std::size_t>(n);
    if (errno != EAGAIN && errno != EINTR) return failed(errno);
    if (int error = wait_for(fd_.get(), POLLIN, until_)) return failed(error);
  }
}

Status Connection::flush() {
  std::array<std::uint8_t, kPiece> piece;
  for (;;) {
    int n = BIO_read(SSL_get_wbio(ssl_.get()), piece.data(), static_cast<int>(piece.size()));
    if (n <= 0) return ok();
    CHECK_OK(send_all(View(piece).first(static_cast<std::size_t>(n))));
  }
}

Status Connection::step(int code) {
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

Status Connection::start_tls(const Url& url, SSL_CTX* tls) {
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
  X509_VERIFY_PARAM_set_hostflags(SSL_get0_param(ssl_.get()), X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  if (!expect_name(ssl_.get(), url.host)) return failed("no name a certificate could have");
  for (;;) {
    int done = SSL_do_handshake(ssl_.get());
    if (done == 1) return flush();
    CHECK_OK(step(done));
  }
}

Status Connection::write(std::string_view text) {
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

Result<bool> Connection::read(std::string& out) {
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

}  // namespace attest::http
