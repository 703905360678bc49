#include "cmcd-lite/server/sockets/listen_socket.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace attest {
namespace {

sockaddr_un address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), std::min(path.size(), sizeof address.sun_path - 1));
  return address;
}

Error failed(const std::string& path) { return {Errc::io, "socket " + path + ": " + std::strerror(errno)}; }

OwnedFd stream_socket() { return OwnedFd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)); }

// somebody_listens: a process accepts connections on this socket file.
bool somebody_listens(const sockaddr_un& address) {
  OwnedFd fd = stream_socket();
  if (!fd) return true;
  return ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 ||
         errno == EAGAIN;
}

Status remove_stale(const std::string& path) {
  struct stat info {};
  if (::lstat(path.c_str(), &info) != 0) return ok();
  if (!S_ISSOCK(info.st_mode))
    return Error{Errc::denied, "socket " + path + ": a file that is no socket stands there"};
  if (somebody_listens(address_of(path)))
    return Error{Errc::denied, "socket " + path + ": another process serves it"};
  if (::unlink(path.c_str()) != 0) return failed(path);
  return ok();
}

}  // namespace

Result<OwnedFd> listen_unix(const std::string& path, unsigned mode) {
  CHECK_OK(remove_stale(path));
  OwnedFd fd = stream_socket();
  sockaddr_un address = address_of(path);
  // The mode of the descriptor before bind is the mode of the file after it.
  if (!fd || ::fchmod(fd.get(), 0600) != 0) return failed(path);
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return failed(path);
  if (::listen(fd.get(), 4096) == 0 && ::chmod(path.c_str(), mode) == 0) return fd;
  Error error = failed(path);
  ::unlink(path.c_str());
  return error;
}

}  // namespace attest
