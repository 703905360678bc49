#include "apps/attestctl/doctor/endpoint.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <thread>

#include "apps/attestctl/certs.h"
#include "apps/attestctl/files.h"
#include "evidence/core/bytes.h"
#include "evidence/core/crypto.h"
#include "evidence/x509/certificate.h"

namespace attest::ctl::doctor {
namespace {

using OwnedSsl = Owned<SSL, SSL_free>;

constexpr timeval kPatience{4, 0};  // for one message of a program
constexpr std::array<std::uint8_t, 8> kSslRequest{0, 0, 0, 8, 4, 0xd2, 0x16, 0x2f};
constexpr std::array<std::uint8_t, 8> kGssRequest{0, 0, 0, 8, 4, 0xd2, 0x16, 0x30};

struct Socket {
  explicit Socket(int f) : fd(f) {
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &kPatience, sizeof kPatience);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &kPatience, sizeof kPatience);
  }
  ~Socket() {
    if (fd >= 0) close(fd);
  }
  Socket(const Socket&) = delete;
  const int fd;
};

sockaddr_in local(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

OwnedSslCtx context(const SSL_METHOD* method, X509* cert, EVP_PKEY* key) {
  OwnedSslCtx ctx(SSL_CTX_new_ex(private_libctx(), nullptr, method));
  if (!ctx || SSL_CTX_use_certificate(ctx.get(), cert) != 1 || SSL_CTX_use_PrivateKey(ctx.get(), key) != 1)
    return nullptr;
  SSL_CTX_set_verify(ctx.get(), SSL_VERIFY_NONE, nullptr);
  return ctx;
}

bool read_exactly(int fd, std::array<std::uint8_t, 8>& into) {
  return recv(fd, into.data(), into.size(), MSG_WAITALL) == static_cast<ssize_t>(into.size());
}

// begin_server lets a client ask for TLS; nullopt: go on with TLS.
std::optional<Outcome> begin_server(int fd, Opening opening) {
  if (opening == Opening::tls) return std::nullopt;
  std::array<std::uint8_t, 8> request{};
  if (!read_exactly(fd, request)) return Outcome::nothing;
  if (request == kGssRequest && (send(fd, "N", 1, MSG_NOSIGNAL) != 1 || !read_exactly(fd, request)))
    return Outcome::nothing;
  if (request != kSslRequest) return Outcome::plaintext;
  if (send(fd, "S", 1, MSG_NOSIGNAL) != 1) return Outcome::nothing;
  return std::nullopt;
}

// confirmed: with TLS 1.3 a server's refusal of the client arrives after the client's handshake is done.
Outcome confirmed(SSL* ssl) {
  constexpr std::string_view kAsk = "GET / HTTP/1.0\r\n\r\n";
  if (SSL_write(ssl, kAsk.data(), static_cast<int>(kAsk.size())) <= 0) return Outcome::refused;
  timeval short_time{1, 0};
  setsockopt(SSL_get_fd(ssl), SOL_SOCKET, SO_RCVTIMEO, &short_time, sizeof short_time);
  char byte = 0;
  int got = SSL_read(ssl, &byte, 1);
  return got <= 0 && SSL_get_error(ssl, got) == SSL_ERROR_SSL ? Outcome::refused : Outcome::completed;
}

Outcome serve_one(int fd, SSL_CTX* ctx, Opening opening) {
  if (auto early = begin_server(fd, opening)) return *early;
  OwnedSsl ssl(SSL_new(ctx));
  if (!ssl || SSL_set_fd(ssl.get(), fd) != 1) return Outcome::nothing;
  ERR_clear_error();
  if (SSL_accept(ssl.get()) != 1)
    return SSL_get_state(ssl.get()) == TLS_ST_BEFORE ? Outcome::nothing : Outcome::refused;
  constexpr std::string_view kAnswer = "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n";
  char buffer[512];
  if (opening == Opening::tls && SSL_read(ssl.get(), buffer, sizeof buffer) > 0)
    SSL_write(ssl.get(), kAnswer.data(), static_cast<int>(kAnswer.size()));
  SSL_shutdown(ssl.get());
  return Outcome::completed;
}

Outcome ask_one(int fd, SSL_CTX* ctx, Opening opening) {
  char answer = 'S';
  if (opening == Opening::postgres &&
      (send(fd, kSslRequest.data(), kSslRequest.size(), MSG_NOSIGNAL) < 0 || recv(fd, &answer, 1, 0) != 1))
    return Outcome::nothing;
  if (answer != 'S') return Outcome::nothing;
  OwnedSsl ssl(SSL_new(ctx));
  if (!ssl || SSL_set_fd(ssl.get(), fd) != 1) return Outcome::nothing;
  ERR_clear_error();
  SSL_set_tlsext_host_name(ssl.get(), "localhost");
  return SSL_connect(ssl.get()) == 1 ? confirmed(ssl.get()) : Outcome::refused;
}

}  // namespace

Result<Identity> Identity::make(const std::string& folder) {
  TRY(OwnedPkey key, new_key("ec-p256"));
  CertProfile profile;
  profile.common_name = "localhost";
  profile.days = 1;
  profile.dns_names = {"localhost"};
  TRY(Bytes der, issue(profile, key.get(), nullptr, key.get()));
  const std::uint8_t* at = der.data();
  OwnedX509 cert(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
  if (!cert) return Error{Errc::io, "no certificate for the test"};
  Identity made{context(TLS_server_method(), cert.get(), key.get()),
                context(TLS_client_method(), cert.get(), key.get()), folder + "/test.pem",
                folder + "/test.key", folder + "/both.pem"};
  if (!made.server || !made.client) return Error{Errc::io, "no TLS for the test"};
  TRY(Secret pem, key_pem(key.get()));
  std::string cert_text = certificates_to_pem({der});
  CHECK_OK(write_output(made.cert_file, as_view(cert_text)));
  CHECK_OK(
      write_output(made.key_file, pem.reveal(), 0644));  // worth nothing: it lives as long as the examination
  std::string both = cert_text + std::string(as_text(pem.reveal()));
  CHECK_OK(write_output(made.both_file, as_view(both), 0644));
  return made;
}

Result<Listener> Listener::make() {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = local(0);
  socklen_t size = sizeof address;
  Listener listener(fd, 0);
  if (fd < 0 || bind(fd, reinterpret_cast<sockaddr*>(&address), size) != 0 || listen(fd, 8) != 0 ||
      getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0)
    return Error{Errc::io, "no port on 127.0.0.1 for the test"};
  listener.port_ = ntohs(address.sin_port);
  return listener;
}

Listener::~Listener() {
  if (fd_ >= 0) close(fd_);
}

Outcome Listener::meet(Child& child, const Identity& identity, Opening opening, Clock::time_point deadline) {
  Outcome worst = Outcome::nothing;
  while (Clock::now() < deadline) {
    pollfd waiting{fd_, POLLIN, 0};
    if (poll(&waiting, 1, 20) == 1) {
      Socket connection(accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC));
      if (connection.fd >= 0)
        worst = std::max(worst, serve_one(connection.fd, identity.server.get(), opening));
      if (worst >= Outcome::completed) break;
    } else if (!child.running()) {
      break;
    }
  }
  return worst;
}

int free_port() {
  Result<Listener> listener = Listener::make();
  return listener ? listener->port() : 0;
}

Outcome knock(Child& child, const Identity& identity, int port, Opening opening, Clock::time_point deadline) {
  while (Clock::now() < deadline && child.running()) {
    Socket connection(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address = local(port);
    if (connect(connection.fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) {
      Outcome outcome = ask_one(connection.fd, identity.client.get(), opening);
      if (outcome != Outcome::nothing) return outcome;  // else not ready yet
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return Outcome::nothing;
}

}  // namespace attest::ctl::doctor
