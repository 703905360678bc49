#include "provider/daemon.h"

#include <unistd.h>

#include <array>
#include <atomic>

namespace attest {

struct DaemonPool::Places {
  explicit Places(ClientOptions o) : options(std::move(o)) {}
  Places(const Places&) = delete;
  Places& operator=(const Places&) = delete;
  ~Places() {
    for (auto& place : idle) delete place.load();
  }
  ClientOptions options;
  std::array<std::atomic<Connection*>, kIdle> idle{};
};

namespace {

// fresh: made by this process, and neither dead nor closed by the daemon.
bool fresh(const Connection& connection) { return connection.made_by() == ::getpid() && connection.ready(); }

}  // namespace

DaemonPool::DaemonPool(ClientOptions options) : places_(std::make_shared<Places>(std::move(options))) {}

const ClientOptions& DaemonPool::options() const { return places_->options; }

std::size_t DaemonPool::idle() const {
  std::size_t n = 0;
  for (const auto& place : places_->idle) n += place.load() != nullptr ? 1 : 0;
  return n;
}

Result<DaemonPool::Lease> DaemonPool::lease() const {
  for (auto& place : places_->idle) {
    std::unique_ptr<Connection> connection(place.exchange(nullptr));
    if (connection && fresh(*connection)) return Lease(places_, std::move(connection));
  }
  TRY(Connection opened, Connection::open(places_->options));
  return Lease(places_, std::make_unique<Connection>(std::move(opened)));
}

DaemonPool::Lease::Lease(std::shared_ptr<Places> home, std::unique_ptr<Connection> connection)
    : home_(std::move(home)), connection_(std::move(connection)) {}

DaemonPool::Lease& DaemonPool::Lease::operator=(Lease&& other) noexcept {
  if (this == &other) return *this;
  give_back();
  home_ = std::move(other.home_);
  connection_ = std::move(other.connection_);
  return *this;
}

DaemonPool::Lease::~Lease() { give_back(); }

void DaemonPool::Lease::give_back() noexcept {
  if (!connection_ || !fresh(*connection_)) return connection_.reset();
  for (auto& place : home_->idle) {
    Connection* empty = nullptr;
    if (!place.compare_exchange_strong(empty, connection_.get())) continue;
    static_cast<void>(connection_.release());  // the place owns it now
    return;
  }
  connection_.reset();
}

Result<Connection*> DaemonPool::Lease::connection() {
  if (!connection_ || !connection_->alive())
    return Error{Errc::io, "daemon.unreachable: the connection was closed after an earlier failure"};
  if (connection_->made_by() != ::getpid())
    return Error{Errc::io, "daemon.forked: the connection belongs to the process before fork"};
  return connection_.get();
}

}  // namespace attest
