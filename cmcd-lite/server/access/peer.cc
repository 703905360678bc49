#include "cmcd-lite/server/access/peer.h"

#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#ifndef SO_PEERGROUPS
#define SO_PEERGROUPS 59
#endif

namespace attest {

Result<LocalPeer> local_peer(int fd) {
  ucred credentials{};
  socklen_t size = sizeof credentials;
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0)
    return Error{Errc::io, std::string("SO_PEERCRED: ") + std::strerror(errno)};
  LocalPeer peer{credentials.uid, credentials.gid, credentials.pid, {}};
  peer.groups.resize(64);
  size = static_cast<socklen_t>(peer.groups.size() * sizeof(gid_t));
  int rc = getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, peer.groups.data(), &size);
  // More groups than that, or a kernel without the option: the primary group alone counts.
  peer.groups.resize(rc == 0 ? size / sizeof(gid_t) : 0);
  return peer;
}

}  // namespace attest
