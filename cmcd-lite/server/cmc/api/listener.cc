#include "cmcd-lite/server/cmc/api/listener.h"

#include "cmcd-lite/server/sockets/admission.h"

namespace attest {

CmcListeners::CmcListeners(asio::io_context& io, Quota& quota, CmcHandler handler)
    : quota_(quota), handler_(std::move(handler)), doors_(io, [this](StreamSocket socket, const Door& door) {
        welcome(std::move(socket), door);
      }) {}

Status CmcListeners::apply(std::shared_ptr<const State> state) {
  const CmcConfig& config = state->config.cmc;
  std::vector<Door> wanted;
  for (const CmcSocket& socket : config.sockets) wanted.push_back({socket.path, false, socket.mode});
  for (const std::string& address : config.tcp) wanted.push_back({address, true});
  CHECK_OK(doors_.apply(wanted));
  state_ = std::move(state);
  return ok();
}

void CmcListeners::welcome(CmcSession::Socket socket, const Door& door) {
  CmcSession::Setup setup{std::nullopt, door.where, session_limits(state_->config.limits), std::nullopt, nullptr};
  bool controls = false;
  const auto& sockets = state_->config.cmc.sockets;
  auto config = std::ranges::find(sockets, door.where, &CmcSocket::path);
  if (!door.tcp && config == sockets.end()) return;
  if (!door.tcp && !config->remote) {
    auto peer = local_peer(socket.native_handle());
    if (!peer) return;
    setup.peer = *std::move(peer);
    const Access::Asker asker{*setup.peer, config->callers};
    controls = static_cast<bool>(state_->access.may(asker, Right::control));
    if (!controls && !state_->access.welcome(asker)) setup.refuse = no_entry(setup.peer->uid, door.where);
  }
  setup.ticket = admit(quota_, setup.source(), controls, setup.refuse);
  if (!setup.ticket) return;
  std::make_shared<CmcSession>(std::move(socket), std::move(setup), quota_, handler_)->start();
}

}  // namespace attest
