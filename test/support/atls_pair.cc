#include "test/support/atls_pair.h"

#include <openssl/x509v3.h>
#include <sys/socket.h>

#include <cstdlib>
#include <thread>

#include "evidence/core/hex.h"

namespace attest::test {
namespace {

void must(bool good) {
  if (!good) std::abort();
}

TestCert leaf(const TestCert& ca, const char* name, const char* usage) {
  CertSpec spec;
  spec.common_name = name;
  spec.extensions = {{"extendedKeyUsage", usage}};
  spec.not_before = wall_clock_now() - kDay;
  spec.not_after = wall_clock_now() + kDay;
  return issue(&ca, spec);
}

TlsContext context_with(const SSL_METHOD* method, const TestCert& ca, const TestCert& own) {
  TlsContext out(SSL_CTX_new(method));
  must(out && atls::prepare(out.get()));
  must(X509_STORE_add_cert(SSL_CTX_get_cert_store(out.get()), ca.certificate.get()) == 1);
  must(SSL_CTX_use_certificate(out.get(), own.certificate.get()) == 1);
  must(SSL_CTX_use_PrivateKey(out.get(), own.key.get()) == 1);
  must(SSL_CTX_set_purpose(out.get(), X509_PURPOSE_ANY) == 1);
  X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(out.get()), X509_V_FLAG_NO_CHECK_TIME);
  return out;
}

}  // namespace

Bytes report_over(View nonce, const std::string& prefix, std::size_t size) {
  std::string text = prefix + " over " + to_hex(nonce) + " ";
  text.resize(std::max(text.size(), size), '.');
  return to_bytes(as_view(text));
}

Result<std::vector<std::string>> SayingAgent::peer_cache(const std::string&) {
  cache_asked++;
  return held;
}

Result<Bytes> SayingAgent::attest(View nonce, const std::vector<std::string>& cached) {
  attested++;
  last_cached = cached;
  std::this_thread::sleep_for(delay);
  if (fail_attest) return Error{Errc::io, "tpm.locked: a secret of this machine"};
  return report_over(nonce, prefix, report_size);
}

Result<atls::Judgement> SayingAgent::verify(View report, View nonce, const atls::PeerName& peer) {
  verified++;
  last_peer = peer;
  Bytes due = report_over(nonce);
  bool good = accept && report.size() >= due.size() && equal(report.first(due.size()), due);
  return atls::Judgement{good, false, good ? "" : "pcr.unexpected-event: a secret of this verifier", to_bytes(as_view("{}"))};
}

AtlsPair::AtlsPair()
    : ca_(make_root("fleet")),
      server_cert_(leaf(ca_, "server.example", "serverAuth")),
      client_cert_(leaf(ca_, "client.example", "clientAuth")),
      server_context_(context_with(TLS_server_method(), ca_, server_cert_)),
      client_context_(context_with(TLS_client_method(), ca_, client_cert_)) {
  SSL_CTX_set_verify(server_context_.get(), SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_verify(client_context_.get(), SSL_VERIFY_PEER, nullptr);
}

void AtlsPair::connect(bool with_certificate) {
  int fds[2];
  must(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
  close_end(server_);
  close_end(client_);
  server_.reset(SSL_new(server_context_.get()));
  client_.reset(SSL_new(client_context_.get()));
  if (!with_certificate) SSL_certs_clear(client_.get());
  must(SSL_set_fd(server_.get(), fds[0]) == 1 && SSL_set_fd(client_.get(), fds[1]) == 1);
  SSL_set_accept_state(server_.get());
  SSL_set_connect_state(client_.get());
}

void AtlsPair::shake() {
  auto served = std::async(std::launch::async, [&] { return SSL_do_handshake(server()); });
  must(SSL_do_handshake(client()) == 1);
  must(served.get() == 1);
}

std::string AtlsPair::Outcomes::text() const {
  return "server: " + (server.failure ? server.failure->what : "good") + "; client: " +
         (client.failure ? client.failure->what : "good");
}

AtlsPair::Outcomes AtlsPair::run(const atls::Settings& for_server, const atls::Settings& for_client) {
  auto served = std::async(std::launch::async,
                           [&] { return atls::attest_connection(for_server, server(), server_agent); });
  Outcomes out;
  out.client = atls::attest_connection(for_client, client(), client_agent);
  out.server = served.get();
  return out;
}

void AtlsPair::send_raw(SSL* end, View bytes) {
  std::size_t sent = 0;
  must(SSL_write_ex(end, bytes.data(), bytes.size(), &sent) == 1 && sent == bytes.size());
}

Bytes AtlsPair::read_some(SSL* end, std::size_t max) {
  Bytes out(max);
  std::size_t size = 0;
  out.resize(SSL_read_ex(end, out.data(), max, &size) == 1 ? size : 0);
  return out;
}

void AtlsPair::close_end(TlsEnd& end) {
  if (!end) return;
  OwnedFd fd(SSL_get_fd(end.get()));
  end.reset();
}

}  // namespace attest::test
