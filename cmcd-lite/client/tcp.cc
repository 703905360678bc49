#include "cmcd-lite/client/tcp.h"

#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "evidence/core/owned.h"
#include "evidence/core/printable.h"

namespace attest {

int finish_connect(int fd, int result, Deadline deadline) {
  if (result == 0) return 0;
  if (errno != EINPROGRESS && errno != EINTR) return errno;
  if (int error = wait_for(fd, POLLOUT, deadline)) return error;
  int error = 0;
  socklen_t size = sizeof error;
  return ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : errno;
}

Status check_port(const std::string& host, const std::string& port) {
  bool name = port.find_first_not_of("0123456789") != std::string::npos;
  if (name || (!port.empty() && port.size() <= 5 && std::stoul(port) <= 65535)) return ok();
  return Error{Errc::malformed, printable(host) + ":" + printable(port) + ": a port is a number up to 65535"};
}

Result<OwnedFd> connect_tcp(const std::string& host, const std::string& port, Deadline deadline) {
  CHECK_OK(check_port(host, port));
  std::string where = printable(host) + ":" + printable(port) + ": ";
  addrinfo hints{}, *found = nullptr;
  hints.ai_socktype = SOCK_STREAM;
  if (int error = ::getaddrinfo(host.c_str(), port.c_str(), &hints, &found); error != 0)
    return Error{Errc::io, where + ::gai_strerror(error)};
  Owned<addrinfo, ::freeaddrinfo> list(found);
  int error = EADDRNOTAVAIL;
  for (const addrinfo* at = found; at != nullptr; at = at->ai_next) {
    OwnedFd fd(::socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    error = fd ? finish_connect(fd.get(), ::connect(fd.get(), at->ai_addr, at->ai_addrlen), deadline) : errno;
    if (error == 0) return fd;
  }
  return Error{Errc::io, where + std::strerror(error)};
}

}  // namespace attest
