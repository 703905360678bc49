// atls_pair.h: two ends of one TLS connection in this process, and an agent that says what a test wants.
#pragma once
#include <atomic>
#include <future>
#include <mutex>

#include "evidence/core/fd.h"
#include "provider/libattest/connection.h"
#include "test/support/test_ca.h"

namespace attest::test {

struct FreeTls {
  void operator()(SSL* s) const { SSL_free(s); }
  void operator()(SSL_CTX* c) const { SSL_CTX_free(c); }
};
using TlsContext = std::unique_ptr<SSL_CTX, FreeTls>;
using TlsEnd = std::unique_ptr<SSL, FreeTls>;

// SayingAgent gives the report "report over HEX" and accepts it where the nonce fits.
class SayingAgent final : public atls::Agent {
 public:
  Result<std::vector<std::string>> peer_cache(const std::string& peer_id) override;
  Result<Bytes> attest(View nonce, const std::vector<std::string>& cached) override;
  Result<atls::Judgement> verify(View report, View nonce, const atls::PeerName& peer) override;
  // what it will do
  bool accept = true, fail_attest = false;
  std::chrono::milliseconds delay{0};   // of attest
  std::size_t report_size = 0;          // at least so many bytes
  std::vector<std::string> held;        // digests of metadata, of any peer
  std::string prefix = "report";        // what machine the reports come from
  // what was asked
  std::atomic<int> attested{0}, verified{0}, cache_asked{0};
  std::vector<std::string> last_cached;
  atls::PeerName last_peer;
};

// report_over is the report SayingAgent makes.
Bytes report_over(View nonce, const std::string& prefix = "report", std::size_t size = 0);

// AtlsPair is a server and a client context with certificates of one CA, and connections between them.
class AtlsPair {
 public:
  AtlsPair();
  // connect makes a new pair of ends over sockets; the client shows a certificate only if with_certificate.
  void connect(bool with_certificate = true);
  // shake brings the TLS handshake of both ends to its end.
  void shake();
  SSL_CTX* server_context() { return server_context_.get(); }
  SSL_CTX* client_context() { return client_context_.get(); }
  SSL* server() { return server_.get(); }
  SSL* client() { return client_.get(); }
  // run plays the exchange on both ends.
  struct Outcomes {
    atls::Outcome server, client;
    bool both() const { return !server.failure && !client.failure; }
    bool neither() const { return server.failure && client.failure; }
    std::string text() const;
  };
  Outcomes run(const atls::Settings& server, const atls::Settings& client);
  Outcomes run(const atls::Settings& both) { return run(both, both); }
  // A raw peer: frames and bytes as a hostile one sends them.
  static void send_raw(SSL* end, View bytes);
  static Bytes read_some(SSL* end, std::size_t max);
  static void close_end(TlsEnd& end);
  void close_server() { close_end(server_); }
  void close_client() { close_end(client_); }
  SayingAgent server_agent, client_agent;

 private:
  TestCert ca_, server_cert_, client_cert_;
  TlsContext server_context_, client_context_;
  TlsEnd server_, client_;
};

}  // namespace attest::test
