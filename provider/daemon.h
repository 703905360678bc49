// daemon.h: how the module reaches cmcd-lite: connections lent one at a time.
#pragma once
#include <memory>

#include "cmcd-lite/client/connection.h"

namespace attest {

// DaemonPool lends connections to the daemon and keeps at most 16 idle ones. Thread safe and fork safe
// without a lock (a child forked while another thread held one would wait for ever): each idle place is one
// atomic pointer. Connections are opened when first needed, never at load.
class DaemonPool {
  struct Places;

 public:
  // Lease is one connection in the hands of one thread at a time; it may live as long as an SSL object and
  // outlive the pool. When it dies, a connection that is still good goes back, any other is closed.
  class Lease {
   public:
    Lease(Lease&& other) noexcept = default;
    Lease& operator=(Lease&& other) noexcept;
    ~Lease();
    // connection lends the connection; io if its call failed before or another process (before fork) made it.
    // What a nonce was issued for on such a connection is lost: begin again with a new lease.
    Result<Connection*> connection();

   private:
    friend class DaemonPool;
    Lease(std::shared_ptr<Places> home, std::unique_ptr<Connection> connection);
    void give_back() noexcept;
    std::shared_ptr<Places> home_;
    std::unique_ptr<Connection> connection_;
  };

  static constexpr std::size_t kIdle = 16;
  explicit DaemonPool(ClientOptions options);
  // lease takes an idle connection that the daemon has not closed, or opens one: at most
  // options().connect_timeout. Connections that another process made are closed and never used.
  Result<Lease> lease() const;
  // idle counts connections waiting to be lent.
  std::size_t idle() const;
  const ClientOptions& options() const;

 private:
  std::shared_ptr<Places> places_;
};

}  // namespace attest
