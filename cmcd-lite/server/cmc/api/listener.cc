#include "cmcd-lite/server/cmc/api/listener.h"

#include <sys/stat.h>

#include <asio/basic_socket_acceptor.hpp>
#include <asio/ip/tcp.hpp>

#include "cmcd-lite/server/sockets/listen_socket.h"

namespace attest {
namespace {

SessionLimits session_limits(const Limits& limits) {
  SessionLimits out;
  out.read = std::chrono::seconds(limits.read_seconds);
  out.write = std::chrono::seconds(limits.write_seconds);
  return out;
}

Error failed(const std::string& where, const asio::error_code& code) {
  return {Errc::io, "socket " + where + ": " + code.message()};
}

}  // namespace

CmcListeners::~CmcListeners() {
  for (const Shared& open : open_)
    if (!open->tcp) ::unlink(open->where.c_str());
}

Result<CmcListeners::Shared> CmcListeners::open_unix(const CmcSocket& config) {
  TRY(OwnedFd fd, listen_unix(config.path, config.mode));
  auto open = std::make_shared<Open>(config.path, false, config, Acceptor(io_), asio::steady_timer(io_));
  asio::error_code code;
  open->acceptor.assign(asio::generic::stream_protocol(AF_UNIX, 0), fd.get(), code);
  if (code) return failed(config.path, code);
  fd.release();
  return open;
}

Result<CmcListeners::Shared> CmcListeners::open_tcp(const std::string& address) {
  TRY(LoopbackAddress parsed, parse_loopback(address));
  asio::error_code code;
  asio::ip::tcp::endpoint endpoint(asio::ip::make_address(parsed.host, code), parsed.port);
  if (code) return failed(address, code);
  auto open = std::make_shared<Open>(address, true, CmcSocket(), Acceptor(io_), asio::steady_timer(io_));
  open->acceptor.open(asio::generic::stream_protocol(endpoint.protocol()), code);
  if (!code) open->acceptor.set_option(asio::socket_base::reuse_address(true), code);
  if (!code) open->acceptor.bind(asio::generic::stream_protocol::endpoint(endpoint), code);
  if (!code) open->acceptor.listen(1024, code);
  if (code) return failed(address, code);
  return open;
}

// keep takes a changed configuration over, or closes a socket that is not wanted any more.
bool CmcListeners::keep(Open& open, const CmcConfig& config) {
  if (open.tcp) {
    if (std::ranges::find(config.tcp, open.where) != config.tcp.end()) return true;
  } else if (auto at = std::ranges::find(config.sockets, open.where, &CmcSocket::path); at != config.sockets.end()) {
    if (::chmod(at->path.c_str(), at->mode) == 0) open.config = *at;
    return true;
  }
  asio::error_code ignored;
  open.closed = true;
  open.acceptor.close(ignored);
  open.pause.cancel();
  if (!open.tcp) ::unlink(open.where.c_str());
  return false;
}

Result<std::list<CmcListeners::Shared>> CmcListeners::open_new(const CmcConfig& config) {
  std::list<Shared> added;
  auto there = [&](const std::string& where) {
    return std::ranges::any_of(open_, [&](const Shared& open) { return open->where == where; });
  };
  auto take = [&](Result<Shared> opened) -> Status {
    if (opened) {
      added.push_back(std::move(*opened));
      return ok();
    }
    for (const Shared& undo : added)
      if (!undo->tcp) ::unlink(undo->where.c_str());
    return opened.error();
  };
  for (const CmcSocket& socket : config.sockets)
    if (!there(socket.path)) CHECK_OK(take(open_unix(socket)));
  for (const std::string& address : config.tcp)
    if (!there(address)) CHECK_OK(take(open_tcp(address)));
  return added;
}

Status CmcListeners::apply(std::shared_ptr<const State> state) {
  const CmcConfig& config = state->config.cmc;
  TRY(auto added, open_new(config));
  std::erase_if(open_, [&](const Shared& open) { return !keep(*open, config); });
  state_ = std::move(state);
  for (const Shared& open : added) accept(open);
  open_.splice(open_.end(), added);
  return ok();
}

std::vector<std::string> CmcListeners::tcp_addresses() const {
  std::vector<std::string> out;
  for (const Shared& open : open_) {
    if (!open->tcp) continue;
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

void CmcListeners::accept(const Shared& open) {
  open->acceptor.async_accept([this, open](const asio::error_code& code, CmcSession::Socket socket) {
    if (open->closed || code == asio::error::operation_aborted) return;
    if (!code) {
      welcome(std::move(socket), *open);
      return accept(open);
    }
    open->pause.expires_after(std::chrono::milliseconds(100));  // out of descriptors: wait, do not spin
    open->pause.async_wait([this, open](const asio::error_code&) {
      if (!open->closed) accept(open);
    });
  });
}

// admit counts the connection; false: there is no room even to say so.
bool CmcListeners::admit(CmcSession::Setup& setup, bool controls) {
  if (quota_.enter(setup.source(), controls)) {
    setup.ticket = std::make_unique<Session::Ticket>(quota_, setup.source());
    return true;
  }
  setup.refuse = Error{Errc::io, "daemon.overloaded: too many connections; close some or raise limits.connections in cmcd.json"};
  if (!quota_.enter_refused()) return false;
  setup.ticket = std::make_unique<Session::Ticket>(quota_, std::nullopt);
  return true;
}

void CmcListeners::welcome(CmcSession::Socket socket, const Open& open) {
  CmcSession::Setup setup{std::nullopt, open.where, session_limits(state_->config.limits), std::nullopt, nullptr};
  bool controls = false;
  if (!open.tcp && !open.config.remote) {
    auto peer = local_peer(socket.native_handle());
    if (!peer) return;
    setup.peer = *std::move(peer);
    const Access::Asker asker{*setup.peer, open.config.callers};
    controls = static_cast<bool>(state_->access.may(asker, Right::control));
    if (!controls && !state_->access.welcome(asker))
      setup.refuse = Error{Errc::denied, "daemon.denied: no entry of \"callers\" in cmcd.json is for uid " +
                                             std::to_string(setup.peer->uid) + " on " + open.where};
  }
  if (!admit(setup, controls)) return;
  std::make_shared<CmcSession>(std::move(socket), std::move(setup), quota_, handler_)->start();
}

}  // namespace attest
