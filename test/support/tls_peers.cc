#include "test/support/tls_peers.h"

#include <openssl/err.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "test/support/test_ca.h"

namespace attest::test {
namespace {

void save(const Stage& stage, const std::string& name, const TestCert& cert, const std::string& chain = "") {
  stage.write(name + ".pem", cert.pem() + chain);
  stage.write(name + ".key", cert.key_pem());
}

TestCert leaf(const TestCert* issuer, const std::string& name, const std::string& usage) {
  CertSpec spec;
  spec.common_name = name;
  spec.not_before = wall_clock_now() - kDay;
  spec.not_after = wall_clock_now() + 30 * kDay;
  spec.extensions = {{"extendedKeyUsage", usage}, {"subjectAltName", "DNS:" + name}};
  return issue(issuer, spec);
}

void make_certificates(const Stage& stage) {
  TestCert ca = make_root("Test Root");
  TestCert server = leaf(&ca, "server.example", "serverAuth");
  save(stage, "ca", ca);
  save(stage, "server", server);
  save(stage, "server-chain", server, ca.pem());
  save(stage, "client", leaf(&ca, "client.example", "clientAuth"));
  save(stage, "admin", leaf(nullptr, "admin", "clientAuth"));
}

int alert_slot() {
  static const int index = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return index;
}

void note_alert(const SSL* ssl, int where, int value) {
  auto* report = static_cast<Report*>(SSL_get_ex_data(ssl, alert_slot()));
  if (report == nullptr || (where & SSL_CB_ALERT) == 0 || (value & 0xff) == 0) return;
  (*report)[(where & SSL_CB_READ) != 0 ? "alert_in" : "alert_out"] = std::to_string(value & 0xff);
}

void note_end(SSL* ssl, Report& report) {
  report["verify_result"] = std::to_string(SSL_get_verify_result(ssl));
  report["reused"] = std::to_string(SSL_session_reused(ssl));
  report["version"] = SSL_get_version(ssl);
  report["verify_mode"] = std::to_string(SSL_get_verify_mode(ssl));
  OwnedX509 peer(SSL_get1_peer_certificate(ssl));
  char name[256] = "";
  if (peer) X509_NAME_get_text_by_NID(X509_get_subject_name(peer.get()), NID_commonName, name, sizeof name);
  report["peer"] = name;
}

bool say_a_byte(SSL* ssl) {
  char byte = 'x';
  if (SSL_is_server(ssl)) return SSL_read(ssl, &byte, 1) == 1 && SSL_write(ssl, &byte, 1) == 1;
  return SSL_write(ssl, &byte, 1) == 1 && SSL_read(ssl, &byte, 1) == 1;
}

PeerBody one_connection(const Stage& stage, const Peer& peer, bool server) {
  return [&stage, &peer, server](int fd, Report& report) {
    OwnedCtx ctx = make_ctx(stage, peer, server, report);
    if (!ctx) return;
    OwnedSsl ssl(SSL_new(ctx.get()));
    SSL_set_fd(ssl.get(), fd);
    shake_hands(ssl.get(), peer, report);
  };
}

}  // namespace

Stage::Stage(PeerScript script, bool with_daemon) {
  ::chmod(dir_.path().c_str(), 0777);  // a daemon of another user makes its socket here
  in_forked(kPlain, [this](Report&) { make_certificates(*this); });
  if (script.machine_cert == "client") {
    script.machine_cert = file("client.pem");
    script.machine_key = file("client.key");
  }
  if (with_daemon) daemon_ = std::make_unique<PeerDaemon>(socket(), script);
}

std::string Stage::write(const std::string& name, const std::string& text) const {
  std::ofstream(dir_.file(name), std::ios::binary) << text;
  return dir_.file(name);
}

std::string Stage::conf_text(const std::string& lines, const std::string& socket) const {
  return "openssl_conf = main\n[main]\nproviders = provs\n[provs]\nattest = attest_sect\n[attest_sect]\n"
         "module = " ATTEST_BINARY_DIR "/provider/attest.so\nactivate = 1\nattest-socket = " +
         socket + "\nattest-connect-ms = 500\nattest-quote-ms = 1000\nattest-judge-ms = 1000\n" + lines +
         "\n";
}

std::string Stage::conf(const std::string& lines) const {
  return write("openssl-" + std::to_string(confs_++) + ".cnf", conf_text(lines, socket()));
}

OwnedCtx make_ctx(const Stage& stage, const Peer& peer, bool server, Report& report) {
  OwnedCtx ctx(SSL_CTX_new(server ? TLS_server_method() : TLS_client_method()));
  if (!ctx) {
    report["errors"] = queue_text();
    return nullptr;
  }
  bool loaded =
      peer.cert.empty() ||
      (SSL_CTX_use_certificate_chain_file(ctx.get(), stage.file(peer.cert + ".pem").c_str()) == 1 &&
       SSL_CTX_use_PrivateKey_file(ctx.get(), stage.file(peer.cert + ".key").c_str(), SSL_FILETYPE_PEM) == 1);
  if (!loaded) {
    report["errors"] = queue_text();
    return nullptr;
  }
  if (peer.trust_ca) SSL_CTX_load_verify_file(ctx.get(), stage.file("ca.pem").c_str());
  SSL_CTX_set_verify(ctx.get(), peer.verify, nullptr);
  SSL_CTX_set_info_callback(ctx.get(), note_alert);
  if (peer.set_ctx) peer.set_ctx(ctx.get());
  if (server) SSL_CTX_set_session_id_context(ctx.get(), reinterpret_cast<const unsigned char*>("t"), 1);
  return ctx;
}

bool shake_hands(SSL* ssl, const Peer& peer, Report& report) {
  SSL_set_ex_data(ssl, alert_slot(), &report);
  if (!peer.sni.empty()) SSL_set_tlsext_host_name(ssl, peer.sni.c_str());
  if (peer.set_ssl) peer.set_ssl(ssl);
  bool server = SSL_CTX_get_ssl_method(SSL_get_SSL_CTX(ssl)) == TLS_server_method();
  bool done = (server ? SSL_accept(ssl) : SSL_connect(ssl)) == 1 && say_a_byte(ssl);
  report["done"] = done ? "1" : "0";
  report["errors"] += queue_text();
  note_end(ssl, report);
  if (done && peer.after) peer.after(ssl, report);
  ERR_clear_error();
  return done;
}

std::string queue_text() {
  std::string text;
  while (unsigned long code = ERR_get_error()) {
    const char* reason = ERR_reason_error_string(code);
    text += std::string(reason == nullptr ? "?" : reason) + "\n";
  }
  return text;
}

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

std::string show(const Talk& talk) {
  std::string text;
  for (const Report* side : {&talk.server, &talk.client}) {
    text += side == &talk.server ? "server:\n" : "client:\n";
    for (const auto& [name, value] : *side) text += "  " + name + "=" + value + "\n";
  }
  return text;
}

Talk run_pair(const std::string& server_conf, const PeerBody& server, const std::string& client_conf,
              const PeerBody& client) {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return {};
  auto with_end = [&](const PeerBody& body, int mine, int other) {
    return [&body, mine, other](Report& report) {
      ::close(other);
      body(mine, report);
      ::close(mine);
    };
  };
  Forked s(server_conf, with_end(server, ends[0], ends[1]));
  Forked c(client_conf, with_end(client, ends[1], ends[0]));
  ::close(ends[0]);
  ::close(ends[1]);
  Talk result;
  result.client = c.wait();
  result.server = s.wait();
  return result;
}

Talk talk(const Stage& stage, const Peer& server, const Peer& client) {
  return run_pair(server.conf, one_connection(stage, server, true), client.conf,
                  one_connection(stage, client, false));
}

}  // namespace attest::test
