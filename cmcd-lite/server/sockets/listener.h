// listener.h: the daemon's listening sockets.
#pragma once
#include "cmcd-lite/server/config/state.h"
#include "cmcd-lite/server/sockets/doors.h"
#include "cmcd-lite/server/sockets/session.h"

namespace attest {

// Listeners serves the configured sockets and starts a Session for each connection. Of the loop's thread alone; destroyed
// before the io_context.
class Listeners {
 public:
  // quota outlives the io_context: sessions that die with it still give back what they hold.
  Listeners(asio::io_context& io, Quota& quota, CallHandler handler);
  // apply opens the sockets of a new configuration, closes those that left it and takes over limits and
  // caller lists for connections to come. On an error nothing changes.
  Status apply(std::shared_ptr<const State> state);

 private:
  void welcome(Session::Socket socket, const std::string& path);
  Quota& quota_;
  CallHandler handler_;
  std::shared_ptr<const State> state_;
  Doors doors_;
};

}  // namespace attest
