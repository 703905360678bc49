// sockets.cc: TCP for endpoint.h.
#include <arpa/inet.h>
#include <netdb.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <cerrno>
#include <cstring>

#include "apps/attestctl/atls/endpoint.h"
#include "cmcd-lite/client/tcp.h"
#include "evidence/core/printable.h"

namespace attest::ctl {
namespace {

using Addresses = Owned<addrinfo, ::freeaddrinfo>;

Result<Addresses> resolve(const std::string& host, const std::string& port) {
  CHECK_OK(check_port(host, port));
  addrinfo hints{}, *found = nullptr;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE;
  int error = ::getaddrinfo(host.empty() ? nullptr : host.c_str(), port.c_str(), &hints, &found);
  if (error != 0) return Error{Errc::io, printable(host) + ":" + printable(port) + ": " + ::gai_strerror(error)};
  return Addresses(found);
}

}  // namespace

Result<OwnedFd> connect_to(const http::Target& target, std::chrono::milliseconds timeout) {
  TRY(OwnedFd fd, connect_tcp(target.host, target.port, std::chrono::steady_clock::now() + timeout));
  int flags = ::fcntl(fd.get(), F_GETFL);
  send_now(fd.get());
  if (::fcntl(fd.get(), F_SETFL, flags & ~O_NONBLOCK) != 0) return Error{Errc::io, target.host + ": " + std::strerror(errno)};
  return fd;
}

void send_now(int fd) {
  int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

void bound_silence(int fd) {
  constexpr timeval kIdle{300, 0};
  int on = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &kIdle, sizeof kIdle);
  ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &kIdle, sizeof kIdle);
}

Result<OwnedFd> listen_tcp(const std::string& address) {
  std::size_t colon = address.rfind(':');
  if (colon == std::string::npos) return Error{Errc::malformed, "\"" + printable(address) + "\" is not HOST:PORT"};
  std::string host = address.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  TRY(Addresses addresses, resolve(host, address.substr(colon + 1)));
  OwnedFd fd(::socket(addresses->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  int on = 1;
  if (fd) ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (!fd || ::bind(fd.get(), addresses->ai_addr, addresses->ai_addrlen) != 0 || ::listen(fd.get(), 256) != 0)
    return Error{Errc::io, printable(address) + ": " + std::strerror(errno)};
  return fd;
}

namespace {

// text_of is HOST:PORT as get (getsockname, getpeername) gives it; "?" where there is none.
std::string text_of(int fd, int (*get)(int, sockaddr*, socklen_t*)) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  char host[64] = {}, port[16] = {};
  if (get(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0 ||
      ::getnameinfo(reinterpret_cast<sockaddr*>(&address), size, host, sizeof host, port, sizeof port,
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0)
    return "?";
  return (address.ss_family == AF_INET6 ? "[" + std::string(host) + "]" : std::string(host)) + ":" + port;
}

}  // namespace

std::string listening_at(int fd) { return text_of(fd, ::getsockname); }
std::string peer_text(int fd) { return text_of(fd, ::getpeername); }

}  // namespace attest::ctl
