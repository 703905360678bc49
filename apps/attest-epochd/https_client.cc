#include <fcntl.h>
#include <netdb.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "apps/attest-epochd/https.h"
#include "evidence/core/crypto.h"

namespace attest::epochd {
namespace {

struct Url {
  std::string host, port, path;
};

Result<Url> parse_url(std::string_view text) {
  constexpr std::string_view kScheme = "https://";
  Error bad{Errc::malformed, std::string(text) + ": must be https://HOST[:PORT]/PATH"};
  if (!text.starts_with(kScheme)) return bad;
  text.remove_prefix(kScheme.size());
  std::size_t slash = text.find('/');
  Url url;
  url.path = slash == std::string_view::npos ? kPath : std::string(text.substr(slash));
  std::string_view authority = text.substr(0, slash);
  std::size_t colon = authority.find(':', authority.starts_with('[') ? authority.find(']') : 0);
  url.host = authority.substr(0, colon);
  url.port = colon == std::string_view::npos ? "443" : std::string(authority.substr(colon + 1));
  if (url.host.starts_with('[') && url.host.ends_with(']')) url.host = url.host.substr(1, url.host.size() - 2);
  bool clean = std::string_view(url.path).find_first_of(" \r\n") == std::string_view::npos;
  if (url.host.empty() || url.port.empty() || !clean) return bad;
  return url;
}

struct Socket {
  int fd = -1;
  ~Socket() {
    if (fd >= 0) ::close(fd);
  }
};

struct FreeAddresses {
  void operator()(addrinfo* p) const { ::freeaddrinfo(p); }
};

// connect_to tries one address, waiting at most kPatienceSeconds.
bool connect_to(int fd, const addrinfo& address) {
  ::fcntl(fd, F_SETFL, O_NONBLOCK);
  if (::connect(fd, address.ai_addr, address.ai_addrlen) != 0) {
    pollfd waiting{fd, POLLOUT, 0};
    int error = 0;
    socklen_t size = sizeof error;
    if (errno != EINPROGRESS || ::poll(&waiting, 1, kPatienceSeconds * 1000) != 1 ||
        ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0 || error != 0)
      return false;
  }
  ::fcntl(fd, F_SETFL, 0);
  timeval patience{kPatienceSeconds, 0};
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  return true;
}

Status connect_to(const Url& url, Socket& out) {
  addrinfo hints{}, *found = nullptr;
  hints.ai_socktype = SOCK_STREAM;
  if (int error = ::getaddrinfo(url.host.c_str(), url.port.c_str(), &hints, &found); error != 0)
    return Error{Errc::io, url.host + ": " + ::gai_strerror(error)};
  std::unique_ptr<addrinfo, FreeAddresses> owned(found);
  for (addrinfo* address = found; address != nullptr; address = address->ai_next) {
    Socket made{::socket(address->ai_family, address->ai_socktype | SOCK_CLOEXEC, address->ai_protocol)};
    if (made.fd < 0 || !connect_to(made.fd, *address)) continue;
    std::swap(out.fd, made.fd);
    return ok();
  }
  return Error{Errc::io, url.host + ":" + url.port + ": nobody answers"};
}

Error tls_error(const Url& url, SSL* ssl) {
  long verify = ssl != nullptr ? SSL_get_verify_result(ssl) : X509_V_OK;
  if (verify != X509_V_OK) return {Errc::untrusted, url.host + ": " + X509_verify_cert_error_string(verify)};
  char text[256] = "the connection was closed";
  if (unsigned long code = ERR_get_error(); code != 0) ERR_error_string_n(code, text, sizeof text);
  return {Errc::io, url.host + ": TLS: " + text};
}

Result<OwnedSslCtx> client_context(const Url& url, const std::string& ca_file) {
  OwnedSslCtx ctx(SSL_CTX_new_ex(private_libctx(), nullptr, TLS_client_method()));
  if (!ctx || SSL_CTX_set_min_proto_version(ctx.get(), TLS1_2_VERSION) != 1) return tls_error(url, nullptr);
  SSL_CTX_set_verify(ctx.get(), SSL_VERIFY_PEER, nullptr);
  bool roots = ca_file.empty() ? SSL_CTX_set_default_verify_paths(ctx.get()) == 1
                               : SSL_CTX_load_verify_file(ctx.get(), ca_file.c_str()) == 1;
  if (!roots) return Error{Errc::io, ca_file + ": no root certificates"};
  return ctx;
}

// name_peer: the certificate must be for this name or address.
bool name_peer(SSL* ssl, const std::string& host) {
  X509_VERIFY_PARAM* param = SSL_get0_param(ssl);
  if (X509_VERIFY_PARAM_set1_ip_asc(param, host.c_str()) == 1) return true;
  return SSL_set1_host(ssl, host.c_str()) == 1 && SSL_set_tlsext_host_name(ssl, host.c_str()) == 1;
}

Result<Bytes> body_of(const Bytes& response, const Url& url) {
  std::string_view text = as_text(response);
  std::size_t end = text.find("\r\n\r\n");
  if (end == std::string_view::npos || !text.starts_with("HTTP/1."))
    return Error{Errc::malformed, url.host + ": no HTTP answer"};
  std::string_view status = text.substr(0, text.find('\r'));
  if (status.size() < 12 || status.substr(9, 3) != "200")
    return Error{Errc::io, url.host + url.path + ": " + std::string(status)};
  return to_bytes(View(response).subspan(end + 4));
}

}  // namespace

Result<Bytes> https_get(const std::string& text, const std::string& ca_file, std::size_t max_bytes) {
  ERR_clear_error();
  TRY(Url url, parse_url(text));
  TRY(OwnedSslCtx ctx, client_context(url, ca_file));
  Socket socket;
  CHECK_OK(connect_to(url, socket));
  OwnedSsl ssl(SSL_new(ctx.get()));
  if (!ssl || !name_peer(ssl.get(), url.host) || SSL_set_fd(ssl.get(), socket.fd) != 1 || SSL_connect(ssl.get()) != 1)
    return tls_error(url, ssl.get());
  std::string request = "GET " + url.path + " HTTP/1.1\r\nHost: " + url.host + "\r\nConnection: close\r\n\r\n";
  if (SSL_write(ssl.get(), request.data(), static_cast<int>(request.size())) <= 0) return tls_error(url, ssl.get());
  constexpr std::size_t kHeaders = 8192;
  Bytes response;
  std::uint8_t part[2048];
  for (int n = 0; (n = SSL_read(ssl.get(), part, sizeof part)) > 0;) {
    response.insert(response.end(), part, part + n);
    if (response.size() > max_bytes + kHeaders) return Error{Errc::malformed, url.host + ": a longer answer than expected"};
  }
  TRY(Bytes body, body_of(response, url));
  if (body.size() > max_bytes) return Error{Errc::malformed, url.host + ": a longer answer than expected"};
  return body;
}

}  // namespace attest::epochd
