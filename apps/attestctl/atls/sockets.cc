// sockets.cc: TCP for endpoint.h.
#include <arpa/inet.h>
#include <netdb.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "apps/attestctl/atls/endpoint.h"
#include "evidence/core/printable.h"

namespace attest::ctl {
namespace {

using Addresses = Owned<addrinfo, ::freeaddrinfo>;

Result<Addresses> resolve(const std::string& host, const std::string& port, bool passive) {
  addrinfo hints{}, *found = nullptr;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = passive ? AI_PASSIVE : 0;
  int error = ::getaddrinfo(host.empty() ? nullptr : host.c_str(), port.c_str(), &hints, &found);
  if (error != 0) return Error{Errc::io, printable(host) + ":" + printable(port) + ": " + ::gai_strerror(error)};
  return Addresses(found);
}

// connect_one returns 0 or an errno; the socket blocks afterwards.
int connect_one(const addrinfo& address, std::chrono::milliseconds timeout, OwnedFd& out) {
  out = OwnedFd(::socket(address.ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!out) return errno;
  if (::connect(out.get(), address.ai_addr, address.ai_addrlen) != 0) {
    if (errno != EINPROGRESS) return errno;
    pollfd writable{out.get(), POLLOUT, 0};
    if (::poll(&writable, 1, static_cast<int>(timeout.count())) != 1) return ETIMEDOUT;
    int error = 0;
    socklen_t size = sizeof error;
    if (::getsockopt(out.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0 || error != 0) return error != 0 ? error : errno;
  }
  int flags = ::fcntl(out.get(), F_GETFL);
  return ::fcntl(out.get(), F_SETFL, flags & ~O_NONBLOCK) == 0 ? 0 : errno;
}

}  // namespace

Result<OwnedFd> connect_tcp(const http::Target& target, std::chrono::milliseconds timeout) {
  TRY(Addresses addresses, resolve(target.host, target.port, false));
  int error = EHOSTUNREACH;
  for (const addrinfo* one = addresses.get(); one != nullptr; one = one->ai_next) {
    OwnedFd fd;
    error = connect_one(*one, timeout, fd);
    int now = 1;
    if (error != 0) continue;
    ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &now, sizeof now);
    return fd;
  }
  return Error{Errc::io, target.host + ":" + target.port + ": " + std::strerror(error)};
}

Result<OwnedFd> listen_tcp(const std::string& address) {
  std::size_t colon = address.rfind(':');
  if (colon == std::string::npos) return Error{Errc::malformed, "\"" + printable(address) + "\" is not HOST:PORT"};
  std::string host = address.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  TRY(Addresses addresses, resolve(host, address.substr(colon + 1), true));
  OwnedFd fd(::socket(addresses->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  int on = 1;
  if (fd) ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (!fd || ::bind(fd.get(), addresses->ai_addr, addresses->ai_addrlen) != 0 || ::listen(fd.get(), 256) != 0)
    return Error{Errc::io, printable(address) + ": " + std::strerror(errno)};
  return fd;
}

std::string listening_at(int fd) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  char host[64] = {}, port[16] = {};
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0 ||
      ::getnameinfo(reinterpret_cast<sockaddr*>(&address), size, host, sizeof host, port, sizeof port,
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0)
    return "?";
  return (address.ss_family == AF_INET6 ? "[" + std::string(host) + "]" : std::string(host)) + ":" + port;
}

}  // namespace attest::ctl
