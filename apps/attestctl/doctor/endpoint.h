// endpoint.h: the other end of a private copy: a plain TLS peer on 127.0.0.1 that gives no evidence and knows
// nothing of attestation. What a program does with it tells what the program demands.
#pragma once
#include <openssl/ssl.h>

#include "apps/attestctl/doctor/child.h"
#include "evidence/core/owned.h"

namespace attest::ctl::doctor {

// How a conversation begins before TLS: at once, or PostgreSQL's way with a question of its own.
enum class Opening { tls, postgres };

// Outcome of a program meeting a plain peer.
//   nothing    no TLS handshake began: it did not start, did not listen, did not connect
//   refused    a handshake began and one side ended it
//   completed  TLS without evidence
//   plaintext  the program went on without TLS
enum class Outcome { nothing, refused, completed, plaintext };

using OwnedSslCtx = Owned<SSL_CTX, SSL_CTX_free>;

// Identity is a throw-away key and certificate for localhost: in memory, and in files for the copies that
// need them.
struct Identity {
  OwnedSslCtx server, client;
  std::string cert_file, key_file, both_file;
  static Result<Identity> make(const std::string& folder);
};

// Listener waits for one program as its server.
class Listener {
 public:
  static Result<Listener> make();
  ~Listener();
  Listener(Listener&& other) noexcept : fd_(other.fd_), port_(other.port_) { other.fd_ = -1; }
  Listener(const Listener&) = delete;
  int port() const { return port_; }
  // meet serves connections until the program ends or the deadline passes; the worst that happened counts.
  Outcome meet(Child& child, const Identity& identity, Opening opening, Clock::time_point deadline);

 private:
  Listener(int fd, int port) : fd_(fd), port_(port) {}
  int fd_;
  int port_;
};

// free_port finds a port nobody listens on now; 0 if there is none.
int free_port();

// knock connects to a program as its client, as soon as it listens.
Outcome knock(Child& child, const Identity& identity, int port, Opening opening, Clock::time_point deadline);

}  // namespace attest::ctl::doctor
