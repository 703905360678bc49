#include "apps/attestctl/atls/endpoint.h"

#include <openssl/err.h>
#include <openssl/provider.h>
#include <openssl/store.h>
#include <sys/mman.h>

#include "evidence/core/printable.h"

namespace attest::ctl {
namespace {

std::string reason() {
  const char* text = ERR_reason_error_string(ERR_peek_last_error());
  ERR_clear_error();
  return text != nullptr ? text : "no reason given";
}

// The module demands nothing of these connections and gives no evidence in their handshakes: it only lends its keys.
constexpr std::string_view kKeysAlone =
    "openssl_conf = all\n[all]\nproviders = providers\n[providers]\nattest = attest\n"
    "[attest]\nactivate = 1\nattest-server = off\nattest-client = off\nattest-evidence = no\n";

// module_context is a library context that has the module beside the default provider.
Result<OwnedLibctx> module_context(const std::string& socket) {
  OwnedLibctx out(OSSL_LIB_CTX_new());
  OwnedFd file(::memfd_create("openssl.cnf", MFD_CLOEXEC));
  std::string text(kKeysAlone);
  if (!socket.empty()) text += "attest-socket = " + socket + "\n";
  bool written = out && file && ::write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
  std::string path = "/proc/self/fd/" + std::to_string(file.get());
  if (!written || OSSL_LIB_CTX_load_config(out.get(), path.c_str()) != 1 || OSSL_PROVIDER_available(out.get(), "attest") != 1)
    return Error{Errc::io, "the module attest.so cannot be loaded: " + reason() + " (OPENSSL_MODULES names its folder)"};
  return out;
}

using OwnedStore = Owned<OSSL_STORE_CTX, OSSL_STORE_close>;

Result<OwnedPkey> load_key(OSSL_LIB_CTX* libctx, const std::string& uri) {
  OwnedStore store(OSSL_STORE_open_ex(uri.c_str(), libctx, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr));
  while (store && OSSL_STORE_eof(store.get()) != 1) {
    OSSL_STORE_INFO* info = OSSL_STORE_load(store.get());
    if (info == nullptr) break;
    OwnedPkey key(OSSL_STORE_INFO_get1_PKEY(info));
    OSSL_STORE_INFO_free(info);
    if (key) return key;
  }
  return Error{Errc::io, uri + ": no private key: " + reason()};
}

// names_a_module_key: attest:NAME, or a file with a key only the module can read.
bool names_a_module_key(const std::string& key) {
  if (key.starts_with("attest:")) return true;
  OwnedBio file(BIO_new_file(key.c_str(), "r"));
  char line[128] = {};
  for (int i = 0; file && i < 100 && BIO_gets(file.get(), line, sizeof line) > 0; i++) {
    std::string_view text(line);
    if (text.starts_with("-----BEGIN ATTEST KEY REFERENCE") || text.starts_with("-----BEGIN TSS2 PRIVATE KEY")) return true;
  }
  return false;
}

Status load_identity(const EndpointOptions& options, Endpoint& out) {
  if (options.cert.empty()) return ok();
  if (SSL_CTX_use_certificate_chain_file(out.context.get(), options.cert.c_str()) != 1)
    return Error{Errc::io, options.cert + ": " + reason()};
  TRY(OwnedPkey key, load_key(out.libctx.get(), options.key));
  if (SSL_CTX_use_PrivateKey(out.context.get(), key.get()) != 1)
    return Error{Errc::mismatch, options.key + ": " + reason()};
  return ok();
}

Status load_trust(const EndpointOptions& options, bool server, SSL_CTX* context) {
  if (options.ca.empty() && server && !options.mtls) return ok();
  if (options.ca.empty()) return Error{Errc::denied, "--ca FILE is needed: whose certificates are accepted"};
  if (SSL_CTX_load_verify_file(context, options.ca.c_str()) != 1) return Error{Errc::io, options.ca + ": " + reason()};
  int verify = SSL_VERIFY_PEER | (server && options.mtls ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0);
  SSL_CTX_set_verify(context, verify, nullptr);
  return ok();
}

Status set_options(const EndpointOptions& options, atls::Options& out) {
  CHECK_OK(set_option(out, "mode", options.mode));
  CHECK_OK(set_option(out, "serializer", options.serializer));
  CHECK_OK(set_option(out, "agent", options.agent));
  CHECK_OK(set_option(out, "timeout-ms", options.timeout_ms));
  CHECK_OK(set_option(out, "reattest-s", options.reattest));
  if (!options.policies.empty()) CHECK_OK(set_option(out, "policies", options.policies));
  return ok();
}

}  // namespace

void add_endpoint_options(CLI::App& app, EndpointOptions& options) {
  app.add_option("--mode", options.mode, "who proves: mutual, client, server or none; both ends must say the same")
      ->check(CLI::IsMember({"mutual", "client", "server", "none"}))
      ->capture_default_str();
  app.add_option("--serializer", options.serializer, "cbor or json; peers may differ")
      ->check(CLI::IsMember({"cbor", "json"}))
      ->capture_default_str();
  app.add_option("--agent", options.agent, "the agent's API: unix://PATH or tcp://HOST:PORT")->capture_default_str();
  app.add_option("--policies", options.policies, "JavaScript policy that may refuse what the agent accepts");
  app.add_option("--timeout-ms", options.timeout_ms, "for TLS and the exchange together")
      ->check(CLI::Range(100, 600000))
      ->capture_default_str();
  app.add_option("--reattest", options.reattest,
                 "seconds after which the peer proves itself again and again (0: never); both ends must be set to it")
      ->check(CLI::Range(0, 86400));
  CLI::Option* cert = app.add_option("--cert", options.cert, "certificate chain, PEM, leaf first");
  cert->needs(app.add_option("--key", options.key, "its key: PEM, a key file of the TPM, or attest:NAME")->needs(cert));
  app.add_option("--ca", options.ca, "roots of the peer's certificate, PEM");
}

Result<Endpoint> make_endpoint(const Session& session, const EndpointOptions& options, bool server) {
  if (options.cert.empty() != options.key.empty()) return Error{Errc::denied, "--cert and --key belong together"};
  if (server && options.cert.empty()) return Error{Errc::denied, "--cert FILE and --key FILE are needed"};
  Endpoint out;
  CHECK_OK(set_options(options, out.options));
  if (names_a_module_key(options.key)) {
    const char* named = std::getenv("ATTEST_SOCKET");
    TRY(out.libctx, module_context(session.socket.empty() && named != nullptr ? named : session.socket));
  }
  out.context.reset(SSL_CTX_new_ex(out.libctx.get(), nullptr, server ? TLS_server_method() : TLS_client_method()));
  if (!out.context) return Error{Errc::io, "OpenSSL makes no TLS context: " + reason()};
  CHECK_OK(atls::prepare(out.context.get(), out.options.settings.reattest.count() > 0));
  CHECK_OK(load_trust(options, server, out.context.get()));
  CHECK_OK(load_identity(options, out));
  out.agent = make_agent(out.options);
  out.name = options.name;
  return out;
}

}  // namespace attest::ctl
