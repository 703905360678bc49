// listen_socket.h: a Unix socket that listens.
#pragma once
#include <string>

#include "evidence/core/fd.h"
#include "evidence/core/result.h"

namespace attest {

// listen_unix binds and listens. A socket file that nobody serves is removed first; denied when another
// process serves it or a file of another kind stands there. The mode is in place before the first connection
// can be made.
Result<OwnedFd> listen_unix(const std::string& path, unsigned mode);

}  // namespace attest
