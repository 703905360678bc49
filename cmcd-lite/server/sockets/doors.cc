#include "cmcd-lite/server/sockets/doors.h"

#include <sys/stat.h>

#include <algorithm>
#include <asio/ip/tcp.hpp>
#include <chrono>
#include <cstring>

#include "cmcd-lite/protocol/loopback.h"
#include "cmcd-lite/server/sockets/listen_socket.h"

namespace attest {
namespace {

Error failed(const std::string& where, const asio::error_code& code) {
  return {Errc::io, "socket " + where + ": " + code.message()};
}

void remove_file(const Door& door) {
  if (!door.tcp) ::unlink(door.where.c_str());
}

}  // namespace

Doors::~Doors() {
  for (const Shared& open : open_) remove_file(open->door);
}

Result<Doors::Shared> Doors::open_unix(const Door& door) {
  TRY(OwnedFd fd, listen_unix(door.where, door.mode));
  auto open = std::make_shared<Open>(door, Acceptor(io_), asio::steady_timer(io_));
  asio::error_code code;
  open->acceptor.assign(asio::generic::stream_protocol(AF_UNIX, 0), fd.get(), code);
  if (code) return failed(door.where, code);
  fd.release();
  return open;
}

Result<Doors::Shared> Doors::open_tcp(const Door& door) {
  TRY(LoopbackAddress parsed, parse_loopback(door.where));
  asio::error_code code;
  asio::ip::tcp::endpoint endpoint(asio::ip::make_address(parsed.host, code), parsed.port);
  if (code) return failed(door.where, code);
  auto open = std::make_shared<Open>(door, Acceptor(io_), asio::steady_timer(io_));
  open->acceptor.open(asio::generic::stream_protocol(endpoint.protocol()), code);
  if (!code) open->acceptor.set_option(asio::socket_base::reuse_address(true), code);
  if (!code) open->acceptor.bind(asio::generic::stream_protocol::endpoint(endpoint), code);
  if (!code) open->acceptor.listen(1024, code);
  if (code) return failed(door.where, code);
  return open;
}

// open_new opens what is wanted and not there, all or nothing.
Result<std::list<Doors::Shared>> Doors::open_new(const std::vector<Door>& wanted) {
  std::list<Shared> added;
  for (const Door& door : wanted) {
    if (std::ranges::any_of(open_, [&](const Shared& open) { return open->door.where == door.where; })) continue;
    auto opened = door.tcp ? open_tcp(door) : open_unix(door);
    if (!opened) {
      for (const Shared& undo : added) remove_file(undo->door);
      return opened.error();
    }
    added.push_back(std::move(*opened));
  }
  return added;
}

// keep takes a changed mode over, or closes a socket that is not wanted any more.
bool Doors::keep(Open& open, const std::vector<Door>& wanted) {
  auto door = std::ranges::find(wanted, open.door.where, &Door::where);
  if (door != wanted.end()) {
    if (!door->tcp && ::chmod(door->where.c_str(), door->mode) == 0) open.door = *door;
    return true;
  }
  asio::error_code ignored;
  open.closed = true;
  open.acceptor.close(ignored);
  open.pause.cancel();
  remove_file(open.door);
  return false;
}

Status Doors::apply(const std::vector<Door>& wanted) {
  TRY(auto added, open_new(wanted));
  std::erase_if(open_, [&](const Shared& open) { return !keep(*open, wanted); });
  for (const Shared& open : added) accept(open);
  open_.splice(open_.end(), added);
  return ok();
}

std::vector<std::string> Doors::tcp_addresses() const {
  std::vector<std::string> out;
  for (const Shared& open : open_) {
    if (!open->door.tcp) continue;
    asio::error_code code;
    auto local = open->acceptor.local_endpoint(code);
    asio::ip::tcp::endpoint tcp;
    if (code || local.size() > tcp.capacity()) continue;
    std::memcpy(tcp.data(), local.data(), local.size());
    tcp.resize(local.size());
    std::string host = tcp.address().to_string();
    out.push_back((tcp.address().is_v6() ? "[" + host + "]" : host) + ":" + std::to_string(tcp.port()));
  }
  return out;
}

void Doors::accept(const Shared& open) {
  open->acceptor.async_accept([this, open](const asio::error_code& code, StreamSocket socket) {
    if (open->closed || code == asio::error::operation_aborted) return;
    if (!code) {
      welcome_(std::move(socket), open->door);
      return accept(open);
    }
    open->pause.expires_after(std::chrono::milliseconds(100));  // out of descriptors: wait, do not spin
    open->pause.async_wait([this, open](const asio::error_code&) {
      if (!open->closed) accept(open);
    });
  });
}

}  // namespace attest
