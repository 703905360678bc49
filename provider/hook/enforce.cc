// The rules. The security callback is the backbone: it is asked in every handshake and cannot be ignored,
// while a refusal by the verify callback is ignored under SSL_VERIFY_NONE.
#include "provider/hook/callbacks.h"
#include "provider/hook/inputs.h"
#include "provider/hook/judge.h"

namespace attest {
namespace {

// same_hello: our extension, or its absence, is the same in both ClientHellos of a HelloRetryRequest. OpenSSL
// may ask once for every cipher suite; each time the answer is the same.
bool same_hello(const Call& call, const std::optional<Bytes>& extension) {
  auto& first = call.now().first_hello;
  if (!first) first = extension;
  return *first == extension;
}

// tell_version: OpenSSL asks about each version a client offers, one by one. The reason stands until one is
// accepted.
void tell_version(const Call& call) {
  Handshake& now = call.now();
  if (!call.server || now.first_hello || now.told_version || SSL_in_before(call.ssl)) return;
  now.told_version = true;
  refuse_version(call);
}

void take_back_version(const Call& call) {
  if (!std::exchange(call.now().told_version, false)) return;
  if (call.hook.reasons.ours(ERR_peek_error())) ERR_clear_error();
}

// our_extension finds our extension in the ClientHello being read.
std::optional<Bytes> our_extension(const Call& call) {
  const unsigned char* body = nullptr;
  std::size_t size = 0;
  if (SSL_client_hello_get0_ext(call.ssl, kTlsExtension, &body, &size) != 1) return std::nullopt;
  return Bytes(body, body + size);
}

void forget_answers(Handshake& now) {
  now.judged = Judged::no;
  now.peer_request.clear();
  now.evidence_in.clear();
  now.reply.clear();
  now.server_tag.reset();
}

// hello_fault says why a server cannot go on from this ClientHello; empty if it can.
std::string hello_fault(const Call& call) {
  std::optional<Bytes> extension = our_extension(call);
  if (!same_hello(call, extension))
    return "peer.changed-request: the request for evidence differs between the two ClientHellos";
  if (!call.requires_evidence()) return "";
  if (call.quic())
    return "peer.quic: clients cannot attest over QUIC yet and this server requires it (offer "
           "TLS over TCP)";
  if (!extension)
    return "peer.silent: " + peer_label(call) +
           " does not offer attestation and this server requires it of clients";
  return "";
}

// client_hello_rule runs for every ClientHello a server reads, before anything is answered.
bool client_hello_rule(const Call& call) {
  take_back_version(call);
  forget_answers(call.now());
  if (call.demand() != Mode::off) SSL_set_max_early_data(call.ssl, 0);
  std::string fault = hello_fault(call);
  if (fault.empty()) return true;
  if (std::exchange(call.now().told_hello, true)) return false;  // once, not once a cipher suite
  if (fault.starts_with("peer.silent")) fault += record_silence(call);
  call.refuse(fault);
  return false;
}

bool server_hello_rule(const Call& call) {
  if (!SSL_session_reused(call.ssl)) return true;
  call.refuse(
      "peer.resumed: the server resumed a session or took a pre-shared key, which carries no evidence");
  return false;
}

// signature_rule is the one that counts: no peer gets past its CertificateVerify without a verdict that
// allows it.
bool signature_rule(const Call& call) {
  OwnedX509 leaf(SSL_get1_peer_certificate(call.ssl));
  bool x509_ok = !call.now().forced && (SSL_get_verify_mode(call.ssl) & SSL_VERIFY_PEER) != 0 &&
                 SSL_get_verify_result(call.ssl) == X509_V_OK;
  Judged judged =
      judge(call, leaf.get(), x509_ok);  // for programs that set their own certificate verification
  if (judged == Judged::accepted || judged == Judged::observed) return true;
  call.refuse(reason_for_refusal(call));
  return false;
}

bool version_rule(const Call& call, int version) {
  if (SSL_in_before(call.ssl)) begin_handshake(call);
  if (!call.requires_evidence() || version == TLS1_3_VERSION) return true;
  tell_version(call);
  return false;
}

bool allowed(const Call& call, int op, int nid) {
  if (const char* denial = call.hook.denial) {
    call.refuse(denial);
    return false;
  }
  keep_keylog(call.hook, SSL_get_SSL_CTX(call.ssl));
  if (op == SSL_SECOP_VERSION) return version_rule(call, nid);
  if (op == SSL_SECOP_CIPHER_SHARED && call.server) return client_hello_rule(call);
  if (!call.requires_evidence()) return true;
  if (op == SSL_SECOP_CIPHER_CHECK && !call.server) return server_hello_rule(call);
  if (op == SSL_SECOP_SIGALG_CHECK) return signature_rule(call);
  return true;
}

// program_allows asks the callback that was there before ours: the SSL's own, else the context's.
int program_allows(Hook& hook, SslState* state, const SSL* ssl, const SSL_CTX* ctx, int op, int bits, int nid,
                   void* other, void* ex) {
  bool nested = state != nullptr && state->in_security;  // the SSL's own callback called ours
  const CtxState* ctx_state = state_of(hook, ssl != nullptr ? SSL_get_SSL_CTX(ssl) : ctx);
  SecurityCallback program = state != nullptr && !nested ? state->program_security : nullptr;
  if (program == nullptr && ctx_state != nullptr) program = ctx_state->program_security;
  if (program == nullptr) return 1;
  if (state != nullptr) state->in_security = true;
  int answer = program(ssl, ctx, op, bits, nid, other, ex);
  if (state != nullptr) state->in_security = nested;
  return answer;
}

// program_verify runs the certificate check the program would have had without us.
bool program_verify(const Call& call, X509_STORE_CTX* store) {
  if (call.server && call.now().forced) return true;  // it asked for none
  return X509_verify_cert(store) > 0;
}

int verify(const Call& call, X509_STORE_CTX* store) {
  bool judges = call.demand() != Mode::off && call.attestable();
  if (judges) start_judging(call, X509_STORE_CTX_get0_cert(store));
  bool chain_ok = program_verify(call, store);
  // What we asked for proves no identity the program ever trusted: no verified name may come of it.
  bool forced = call.server && call.now().forced;
  if (forced) X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_UNTRUSTED);
  if (!judges) return chain_ok ? 1 : 0;
  bool x509_ok = chain_ok && !forced && X509_STORE_CTX_get_error(store) == X509_V_OK &&
                 (SSL_get_verify_mode(call.ssl) & SSL_VERIFY_PEER) != 0;
  Judged judged = judge(call, X509_STORE_CTX_get0_cert(store), x509_ok);
  if (!call.requires_evidence() || judged == Judged::accepted || judged == Judged::observed)
    return chain_ok ? 1 : 0;
  call.refuse(reason_for_refusal(call));
  X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION);  // alert 40
  return 0;
}

}  // namespace

void refuse_version(const Call& call) {
  call.refuse("peer.version: " + peer_label(call) + " offers TLS 1.2 or older; attestation needs TLS 1.3");
}

int security_callback(const SSL* ssl, const SSL_CTX* ctx, int op, int bits, int nid, void* other,
                      void* ex) noexcept {
  Hook* hook = armed_hook();
  if (hook == nullptr) return 0;
  if (const char* denial = hook->denial; denial != nullptr && ssl == nullptr) {
    hook->refuse("load", denial);
    return 0;
  }
  auto call = call_of(ssl);
  if (ssl != nullptr && !call) return 0;  // no memory for its state
  try {
    bool nested = call && call->state.in_security;
    if (call && !nested && !allowed(*call, op, nid)) return 0;
  } catch (const std::exception&) {
    hook->refuse("hook", "internal: out of memory in the attest module");
    return 0;
  }
  return program_allows(*hook, call ? &call->state : nullptr, ssl, ctx, op, bits, nid, other, ex);
}

int verify_callback(X509_STORE_CTX* store, void*) noexcept {
  auto* ssl = static_cast<SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
  auto call = call_of(ssl);
  try {
    if (call && call->hook.denial == nullptr) return verify(*call, store);
  } catch (const std::exception&) {
    call->refuse("internal: out of memory in the attest module");
  }
  X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION);
  return 0;
}

}  // namespace attest
