// tls_peers.h: two unmodified TLS programs, one process each, with or without the module.
#pragma once
#include <openssl/ssl.h>

#include "test/support/peer_daemon.h"
#include "test/support/temp_dir.h"

namespace attest::test {

// Stage is a folder with certificates, configurations and a fake daemon, for one test.
class Stage {
 public:
  explicit Stage(PeerScript script = {}, bool with_daemon = true);
  // conf writes an openssl.cnf that loads the module with these lines in its section, and returns its path.
  std::string conf(const std::string& lines = "") const;
  // conf_text is its text; extra goes into the file after it.
  std::string conf_text(const std::string& lines, const std::string& socket) const;
  std::string write(const std::string& name, const std::string& text) const;
  std::string file(const std::string& name) const { return dir_.file(name); }
  std::string socket() const { return dir_.file("attest.sock"); }
  std::string calls() const { return daemon_ ? daemon_->calls() : ""; }
  PeerDaemon* daemon() { return daemon_.get(); }
  void stop_daemon() { daemon_.reset(); }

 private:
  TempDir dir_;
  std::unique_ptr<PeerDaemon> daemon_;
  mutable int confs_ = 0;
};

// kPlain is the configuration of a program without the module.
inline constexpr const char* kPlain = "/dev/null";

// Peer is one program. ca.pem, server.pem (CN server.example, a chain in server-chain.pem), client.pem and
// admin.pem (self signed, CN admin) with their .key stand in the stage's folder.
struct Peer {
  std::string conf = kPlain;
  std::string cert;  // "server", "client", "admin" or none
  int verify = SSL_VERIFY_NONE;
  bool trust_ca = true;                   // ca.pem is its root
  std::string sni;                        // client: the name it asks for
  std::function<void(SSL_CTX*)> set_ctx;  // further set-up
  std::function<void(SSL*)> set_ssl;
  std::function<void(SSL*, Report&)> after;  // after a byte went each way
};

inline Peer server_with(const std::string& conf) {
  Peer peer;
  peer.conf = conf;
  peer.cert = "server";
  return peer;
}
inline Peer client_with(const std::string& conf) {
  Peer peer;
  peer.conf = conf;
  peer.sni = "server.example";
  return peer;
}

// Lines of openssl.cnf: a side that only attests, one that demands it, a server that demands it of clients.
inline constexpr const char* kAttestOnly = "attest-client = off";
inline constexpr const char* kRequire = "attest-client = require";
inline constexpr const char* kMutual = "attest-server = require\nattest-client = off";

// What a peer reports: "done" = "1" when the handshake ended and a byte came from the other side; "errors"
// (the queue, one reason a line, as programs print it), "alert_in", "alert_out" (numbers), "verify_result",
// "peer" (subject CN of the peer's certificate), "reused", "version", "max_cert_list".
struct Talk {
  Report server;
  Report client;
  bool both() const { return done(server) && done(client); }
  bool neither() const { return !done(server) && !done(client); }
  std::string errors() const { return at(server, "errors") + at(client, "errors"); }
  static bool done(const Report& r) { return at(r, "done") == "1"; }
  static std::string at(const Report& r, const std::string& name) {
    auto found = r.find(name);
    return found == r.end() ? "" : found->second;
  }
};

bool has(const std::string& text, const std::string& part);
// show prints all of it, for failing tests.
std::string show(const Talk& talk);

// talk lets the two shake hands over a socket pair.
Talk talk(const Stage& stage, const Peer& server, const Peer& client);

// The pieces, for tests that need more than one connection a process.
struct FreeCtx {
  void operator()(SSL_CTX* c) const { SSL_CTX_free(c); }
};
struct FreeSsl {
  void operator()(SSL* s) const { SSL_free(s); }
};
using OwnedCtx = std::unique_ptr<SSL_CTX, FreeCtx>;
using OwnedSsl = std::unique_ptr<SSL, FreeSsl>;
OwnedCtx make_ctx(const Stage& stage, const Peer& peer, bool server, Report& report);
// shake_hands connects on fd and says a byte each way; true if both happened.
bool shake_hands(SSL* ssl, const Peer& peer, Report& report);
// queue_text empties the error queue.
std::string queue_text();
// run_pair gives each function one end of a socket pair, in a process of its own.
using PeerBody = std::function<void(int fd, Report&)>;
Talk run_pair(const std::string& server_conf, const PeerBody& server, const std::string& client_conf,
              const PeerBody& client);

}  // namespace attest::test
