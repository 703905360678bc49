// doors.h: the sockets that a configuration wants: opened, kept and closed as it changes.
#pragma once
#include <asio/basic_socket_acceptor.hpp>
#include <asio/generic/stream_protocol.hpp>
#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <vector>

#include "evidence/core/result.h"

namespace attest {

using StreamSocket = asio::generic::stream_protocol::socket;

// Door is one wanted address: a path with its mode, or a TCP address of this machine.
struct Door {
  std::string where;
  bool tcp = false;
  unsigned mode = 0;
};

// Doors holds one acceptor for each address and hands over each connection. Of the loop's thread alone; destroyed before
// the io_context.
class Doors {
 public:
  using Welcome = std::function<void(StreamSocket socket, const Door& door)>;
  Doors(asio::io_context& io, Welcome welcome) : io_(io), welcome_(std::move(welcome)) {}
  ~Doors();
  Doors(const Doors&) = delete;
  Doors& operator=(const Doors&) = delete;
  // apply opens what is new, closes what is not wanted any more and takes changed modes over. On an error nothing changes.
  Status apply(const std::vector<Door>& wanted);
  // tcp_addresses are those that are served, with the ports that were given where the configuration says 0.
  std::vector<std::string> tcp_addresses() const;

 private:
  using Acceptor = asio::basic_socket_acceptor<asio::generic::stream_protocol>;
  struct Open {
    Door door;
    Acceptor acceptor;
    asio::steady_timer pause;
    bool closed = false;
  };
  using Shared = std::shared_ptr<Open>;
  Result<Shared> open_unix(const Door& door);
  Result<Shared> open_tcp(const Door& door);
  Result<std::list<Shared>> open_new(const std::vector<Door>& wanted);
  bool keep(Open& open, const std::vector<Door>& wanted);
  void accept(const Shared& open);
  asio::io_context& io_;
  Welcome welcome_;
  std::list<Shared> open_;
};

}  // namespace attest
