#include "cmcd-lite/server/sockets/listener.h"

#include "cmcd-lite/server/sockets/admission.h"

namespace attest {

Listeners::Listeners(asio::io_context& io, Quota& quota, CallHandler handler)
    : quota_(quota), handler_(std::move(handler)), doors_(io, [this](StreamSocket socket, const Door& door) {
        welcome(std::move(socket), door.where);
      }) {}

Status Listeners::apply(std::shared_ptr<const State> state) {
  const Config& config = state->config;
  std::vector<Door> wanted;
  for (const SocketConfig& socket : config.sockets) wanted.push_back({socket.path, false, socket.mode});
  CHECK_OK(doors_.apply(wanted));
  quota_.set_bounds(
      {config.limits.connections, config.limits.connections_per_uid, config.limits.payload_mib << 20});
  state_ = std::move(state);
  return ok();
}

// welcome starts a session. Who has no business here is told so at the first call, within a small number of
// connections.
void Listeners::welcome(Session::Socket socket, const std::string& path) {
  auto peer = local_peer(socket.native_handle());
  if (!peer) return;
  const Access::Asker asker{*peer, state_->socket_callers(path)};
  bool controls = static_cast<bool>(state_->access.may(asker, Right::control));
  Session::Setup setup{path, *peer, session_limits(state_->config.limits), std::nullopt, nullptr};
  if (!state_->access.welcome(asker)) setup.refuse = no_entry(peer->uid, path);
  setup.ticket = admit(quota_, peer->uid, controls, setup.refuse);
  if (!setup.ticket) return;
  std::make_shared<Session>(std::move(socket), std::move(setup), quota_, handler_)->start();
}

}  // namespace attest
