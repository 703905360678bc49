// listener.h: the sockets of the CMC API, Unix and TCP.
#pragma once
#include <list>

#include "cmcd-lite/server/cmc/api/session.h"
#include "cmcd-lite/server/config/state.h"

namespace attest {

// CmcListeners holds one acceptor for each configured address. Of the loop's thread alone; destroyed before the
// io_context.
class CmcListeners {
 public:
  CmcListeners(asio::io_context& io, Quota& quota, CmcHandler handler)
      : io_(io), quota_(quota), handler_(std::move(handler)) {}
  ~CmcListeners();
  // apply opens the addresses of a new configuration and closes those that left it. On an error nothing changes.
  Status apply(std::shared_ptr<const State> state);
  // tcp_addresses are those that are served, with the ports that were given where the configuration says 0.
  std::vector<std::string> tcp_addresses() const;

 private:
  using Acceptor = asio::basic_socket_acceptor<asio::generic::stream_protocol>;
  struct Open {
    std::string where;      // path or address
    bool tcp = false;
    CmcSocket config;       // of a Unix socket
    Acceptor acceptor;
    asio::steady_timer pause;
    bool closed = false;
  };
  using Shared = std::shared_ptr<Open>;
  Result<Shared> open_unix(const CmcSocket& config);
  Result<Shared> open_tcp(const std::string& address);
  Result<std::list<Shared>> open_new(const CmcConfig& config);
  bool keep(Open& open, const CmcConfig& config);
  void accept(const Shared& open);
  void welcome(CmcSession::Socket socket, const Open& open);
  bool admit(CmcSession::Setup& setup, bool controls);

  asio::io_context& io_;
  Quota& quota_;
  CmcHandler handler_;
  std::shared_ptr<const State> state_;
  std::list<Shared> open_;
};

}  // namespace attest
