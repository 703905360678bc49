// tcp.h: connections to HOST:PORT.
#pragma once
#include <string>

#include "cmcd-lite/client/socket_io.h"
#include "evidence/core/fd.h"

namespace attest {

// check_port: malformed for a number that is no port, which getaddrinfo would cut down to one. Names of services pass.
Status check_port(const std::string& host, const std::string& port);

// connect_tcp tries every address of a host (a name, or an address without brackets) until one takes the connection; the
// socket does not block. io with the reason, malformed as check_port. Looking a name up is the system's business and may take longer than the deadline.
Result<OwnedFd> connect_tcp(const std::string& host, const std::string& port, Deadline deadline);

// finish_connect waits for a connect() that returned `result` on a socket that does not block; 0 or an errno value.
int finish_connect(int fd, int result, Deadline deadline);

}  // namespace attest
