#include "cmcd-lite/server/sockets/listener.h"

#include <sys/stat.h>

#include "cmcd-lite/server/sockets/listen_socket.h"

namespace attest {
namespace {

SessionLimits session_limits(const Limits& limits) {
  return {std::chrono::seconds(limits.read_seconds), std::chrono::seconds(limits.write_seconds),
          std::chrono::seconds(limits.idle_seconds), limits.nonces, limits.nonce_seconds * 1000};
}

}  // namespace

Listeners::~Listeners() {
  for (const Shared& open : open_) ::unlink(open->config.path.c_str());
}

Result<Listeners::Shared> Listeners::open(const SocketConfig& config) {
  TRY(OwnedFd fd, listen_unix(config.path, config.mode));
  auto open = std::make_shared<Open>(config, Acceptor(io_), asio::steady_timer(io_));
  asio::error_code code;
  open->acceptor.assign(asio::local::stream_protocol(), fd.get(), code);
  if (code) return Error{Errc::io, "socket " + config.path + ": " + code.message()};
  fd.release();
  return open;
}

// keep takes a changed mode over, or closes a socket that is not wanted any more.
bool Listeners::keep(Open& open, const std::vector<SocketConfig>& wanted) {
  auto config = std::ranges::find(wanted, open.config.path, &SocketConfig::path);
  if (config != wanted.end()) {
    if (::chmod(config->path.c_str(), config->mode) == 0) open.config = *config;
    return true;
  }
  asio::error_code ignored;
  open.closed = true;
  open.acceptor.close(ignored);
  open.pause.cancel();
  ::unlink(open.config.path.c_str());
  return false;
}

Status Listeners::apply(std::shared_ptr<const State> state) {
  const Config& config = state->config;
  std::list<Shared> added;
  for (const SocketConfig& socket : config.sockets) {
    if (std::ranges::any_of(open_, [&](const Shared& open) { return open->config.path == socket.path; }))
      continue;
    auto opened = open(socket);
    if (!opened) {
      for (const Shared& undo : added) ::unlink(undo->config.path.c_str());
      return opened.error();
    }
    added.push_back(std::move(*opened));
  }
  std::erase_if(open_, [&](const Shared& open) { return !keep(*open, config.sockets); });
  quota_.set_bounds(
      {config.limits.connections, config.limits.connections_per_uid, config.limits.payload_mib << 20});
  state_ = std::move(state);
  for (const Shared& open : added) accept(open);
  open_.splice(open_.end(), added);
  return ok();
}

void Listeners::accept(const Shared& open) {
  open->acceptor.async_accept([this, open](const asio::error_code& code, Session::Socket socket) {
    if (open->closed || code == asio::error::operation_aborted) return;
    if (!code) {
      welcome(std::move(socket), open->config.path);
      return accept(open);
    }
    open->pause.expires_after(std::chrono::milliseconds(100));  // out of descriptors: wait, do not spin
    open->pause.async_wait([this, open](const asio::error_code&) {
      if (!open->closed) accept(open);
    });
  });
}

// welcome starts a session. Who has no business here is told so at the first call, within a small number of
// connections.
void Listeners::welcome(Session::Socket socket, const std::string& path) {
  auto peer = local_peer(socket.native_handle());
  if (!peer) return;
  const Access::Asker asker{*peer, state_->socket_callers(path)};
  bool controls = static_cast<bool>(state_->access.may(asker, Right::control));
  Session::Setup setup{path, *peer, session_limits(state_->config.limits), std::nullopt, nullptr};
  if (!state_->access.welcome(asker))
    setup.refuse = Error{Errc::denied, "daemon.denied: no entry of \"callers\" in cmcd.json is for uid " +
                                           std::to_string(peer->uid) + " on " + path};
  if (!quota_.enter(peer->uid, controls)) {
    setup.refuse =
        Error{Errc::io,
              "daemon.overloaded: too many connections; close some or raise limits.connections in cmcd.json"};
    if (!quota_.enter_refused()) return;
    setup.ticket = std::make_unique<Session::Ticket>(quota_, std::nullopt);
  } else {
    setup.ticket = std::make_unique<Session::Ticket>(quota_, peer->uid);
  }
  std::make_shared<Session>(std::move(socket), std::move(setup), quota_, handler_)->start();
}

}  // namespace attest
