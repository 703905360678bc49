// listener.h: the daemon's listening sockets.
#pragma once
#include <list>

#include "cmcd-lite/server/config/state.h"
#include "cmcd-lite/server/sockets/session.h"

namespace attest {

// Listeners holds one acceptor for each configured socket and starts a Session for each connection. Of the
// loop's thread alone; destroyed before the io_context.
class Listeners {
 public:
  // quota outlives the io_context: sessions that die with it still give back what they hold.
  Listeners(asio::io_context& io, Quota& quota, CallHandler handler)
      : io_(io), quota_(quota), handler_(std::move(handler)) {}
  ~Listeners();
  // apply opens the sockets of a new configuration, closes those that left it and takes over limits and
  // caller lists for connections to come. On an error nothing changes.
  Status apply(std::shared_ptr<const State> state);

 private:
  using Acceptor = asio::local::stream_protocol::acceptor;
  struct Open {
    SocketConfig config;
    Acceptor acceptor;
    asio::steady_timer pause;
    bool closed = false;
  };
  using Shared = std::shared_ptr<Open>;
  Result<Shared> open(const SocketConfig& config);
  bool keep(Open& open, const std::vector<SocketConfig>& wanted);
  void accept(const Shared& open);
  void welcome(Session::Socket socket, const std::string& path);
  asio::io_context& io_;
  Quota& quota_;
  CallHandler handler_;
  std::shared_ptr<const State> state_;
  std::list<Shared> open_;
};

}  // namespace attest
