// peer.h: who is at the other end of a Unix socket.
#pragma once
#include <sys/types.h>

#include <vector>

#include "evidence/core/result.h"

namespace attest {

// LocalPeer is what the kernel says about the process that connected (SO_PEERCRED, SO_PEERGROUPS).
struct LocalPeer {
  uid_t uid = 0;
  gid_t gid = 0;
  pid_t pid = 0;
  std::vector<gid_t> groups;  // supplementary groups at connect
};

// local_peer asks the kernel; io if the descriptor is no connected Unix socket.
Result<LocalPeer> local_peer(int fd);

}  // namespace attest
