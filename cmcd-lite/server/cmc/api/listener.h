// listener.h: the sockets of the CMC API, Unix and TCP.
#pragma once
#include "cmcd-lite/server/cmc/api/session.h"
#include "cmcd-lite/server/config/state.h"
#include "cmcd-lite/server/sockets/doors.h"

namespace attest {

// CmcListeners serves the configured addresses and starts a CmcSession for each connection. Of the loop's thread alone;
// destroyed before the io_context.
class CmcListeners {
 public:
  CmcListeners(asio::io_context& io, Quota& quota, CmcHandler handler);
  // apply opens the addresses of a new configuration and closes those that left it. On an error nothing changes.
  Status apply(std::shared_ptr<const State> state);
  // tcp_addresses are those that are served, with the ports that were given where the configuration says 0.
  std::vector<std::string> tcp_addresses() const { return doors_.tcp_addresses(); }

 private:
  void welcome(CmcSession::Socket socket, const Door& door);

  Quota& quota_;
  CmcHandler handler_;
  std::shared_ptr<const State> state_;
  Doors doors_;
};

}  // namespace attest
