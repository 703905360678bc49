#include "provider/hook/prove.h"

#include <openssl/provider.h>
#include <openssl/store.h>

#include "evidence/core/error_mark.h"
#include "evidence/native/message.h"
#include "provider/hook/callbacks.h"
#include "provider/hook/inputs.h"
#include "provider/hook/judge.h"
#include "provider/keys/tables.h"

namespace attest {
namespace {

constexpr std::size_t kEntryRoom = 65531;  // a 16-bit extension list less one extension's head

using OwnedStore = Owned<OSSL_STORE_CTX, OSSL_STORE_close>;
using OwnedInfo = Owned<OSSL_STORE_INFO, OSSL_STORE_INFO_free>;
struct FreeChain {
  void operator()(STACK_OF(X509) * chain) const { sk_X509_pop_free(chain, X509_free); }
};
using OwnedChain = std::unique_ptr<STACK_OF(X509), FreeChain>;

// The first entry shares its room with a stapled OCSP answer.
std::size_t room_of(const Call& call, std::size_t entry) {
  unsigned char* stapled = nullptr;
  long size = call.server && entry == 0 ? SSL_get_tlsext_status_ocsp_resp(call.ssl, &stapled) : -1;
  std::size_t taken = size > 0 ? static_cast<std::size_t>(size) + 8 : 0;
  return taken < kEntryRoom ? kEntryRoom - taken : 0;
}

// entries counts the certificates that are sure to be sent; a chain that OpenSSL completes from its store may
// be longer.
std::size_t entries(const Call& call) {
  STACK_OF(X509)* chain = nullptr;
  SSL_get0_chain_certs(call.ssl, &chain);
  if (chain == nullptr) SSL_CTX_get_extra_chain_certs(SSL_get_SSL_CTX(call.ssl), &chain);
  return 1 + static_cast<std::size_t>(std::max(0, sk_X509_num(chain)));
}

std::size_t whole_room(const Call& call) {
  return std::min(kMaxEvidence, room_of(call, 0) + (entries(call) - 1) * kEntryRoom);
}

OwnedX509 parse_cert(View der, OSSL_LIB_CTX* libctx) {
  X509* empty = X509_new_ex(libctx, nullptr);
  const std::uint8_t* at = der.data();
  return OwnedX509(d2i_X509(&empty, &at, static_cast<long>(der.size())));
}

OwnedPkey load_key(const std::string& name, OSSL_LIB_CTX* libctx) {
  OwnedStore store(OSSL_STORE_open_ex(("attest:" + name).c_str(), libctx, nullptr, nullptr, nullptr, nullptr,
                                      nullptr, nullptr));
  while (store && OSSL_STORE_eof(store.get()) == 0) {
    OwnedInfo info(OSSL_STORE_load(store.get()));
    if (!info) break;
    if (OSSL_STORE_INFO_get_type(info.get()) == OSSL_STORE_INFO_PKEY)
      return OwnedPkey(OSSL_STORE_INFO_get1_PKEY(info.get()));
  }
  return nullptr;
}

struct MachineIdentity {
  OwnedX509 leaf;
  OwnedChain rest;
  OwnedPkey key;
};

Result<MachineIdentity> machine_identity(const Call& call) {
  TRY(DaemonPool::Lease lease, call.hook.pool.lease());
  TRY(Connection * daemon, lease.connection());
  TRY(MachineCertAnswer answer, daemon->machine_cert());
  if (answer.chain_der.empty())
    return Error{Errc::denied,
                 "machine.certificate: cmcd.json names no machine_cert, and the program has none"};
  OSSL_LIB_CTX* libctx = call.hook.libctx;
  MachineIdentity machine{parse_cert(answer.chain_der[0], libctx), OwnedChain(sk_X509_new_null()),
                          load_key(answer.key, libctx)};
  for (std::size_t i = 1; i < answer.chain_der.size(); i++) {
    OwnedX509 cert = parse_cert(answer.chain_der[i], libctx);
    if (cert && machine.rest && sk_X509_push(machine.rest.get(), cert.get()) > 0) (void)cert.release();
  }
  if (!machine.leaf || !machine.rest ||
      static_cast<std::size_t>(sk_X509_num(machine.rest.get())) + 1 != answer.chain_der.size())
    return Error{Errc::malformed, "machine.certificate: cmcd-lite's machine certificate cannot be read"};
  if (!machine.key)
    return Error{Errc::denied, "machine.certificate: key \"" + answer.key +
                                   "\" of the machine certificate cannot be loaded"};
  return machine;
}

// OpenSSL sets leaf and key again from what the callback returns; the chain has to be set here, behind both.
int supply(SSL* ssl, MachineIdentity machine, X509** cert, EVP_PKEY** key) {
  if (SSL_use_certificate(ssl, machine.leaf.get()) != 1 || SSL_use_PrivateKey(ssl, machine.key.get()) != 1 ||
      SSL_set1_chain(ssl, machine.rest.get()) != 1)
    return 0;
  *cert = machine.leaf.release();
  *key = machine.key.release();
  return 1;
}

// key_file is the TSS2 key file the program signs with, so that the daemon's TPM can certify that key; empty for every
// other key. (By now OpenSSL has chosen which of the program's keys it will sign with.)
Bytes key_file(const Call& call) {
  const EVP_PKEY* key = SSL_get_privatekey(call.ssl);
  const OSSL_PROVIDER* provider = key == nullptr ? nullptr : EVP_PKEY_get0_provider(key);
  if (provider == nullptr || std::string_view(OSSL_PROVIDER_get0_name(provider)) != "attest") return {};
  Bytes der(kMaxKeyFile);
  std::size_t size = 0;
  ErrorMark quiet;
  if (EVP_PKEY_get_octet_string_param(key, kKeyFileParam, der.data(), der.size(), &size) != 1) return {};
  der.resize(size);
  return der;
}

}  // namespace

Status make_evidence(const Call& call, const X509* leaf) {
  Handshake& now = call.now();
  Bytes request = std::exchange(now.peer_request, {});  // answered once
  AttestCall attest;
  TRY(attest.inputs, collect_inputs(call, call.server ? Role::server : Role::client, request, leaf));
  std::size_t room = whole_room(call);
  attest.room = static_cast<std::uint32_t>(room);
  attest.peer_verdict = now.verdict;
  attest.peer = asker_name(call);
  attest.key_file = key_file(call);
  TRY(DaemonPool::Lease lease, call.hook.pool.lease());
  TRY(Connection * daemon, lease.connection());
  TRY(AttestAnswer answer, daemon->attest(attest));
  if (answer.evidence.size() > room)
    return Error{Errc::denied, "evidence.too-large: " + std::to_string(answer.evidence.size()) +
                                   " bytes, the chain of " + std::to_string(entries(call)) +
                                   " certificates carries " + std::to_string(room) +
                                   " (let both sides hold the same manifests: attestctl metadata import)"};
  now.evidence_out = std::move(answer.evidence);
  now.sent = 0;
  call.log(3, "evidence of " + std::to_string(now.evidence_out.size()) + " bytes");
  return ok();
}

View next_piece(const Call& call, std::size_t entry) {
  Handshake& now = call.now();
  View left = View(now.evidence_out).subspan(now.sent);
  View piece = left.first(std::min(left.size(), room_of(call, entry)));
  now.sent += piece.size();
  return piece;
}

// Only where the server asked for evidence: a certificate of the machine tells every other server which
// machine this is.
int client_cert_callback(SSL* ssl, X509** cert, EVP_PKEY** key) noexcept {
  auto call = call_of(ssl);
  if (!call) return 0;
  try {
    if (call->now().peer_request.empty() || !may_release(*call)) return 0;
    auto machine = machine_identity(*call);
    if (machine) return supply(ssl, *std::move(machine), cert, key);
    call->log(1, machine.error().what);
  } catch (const std::exception&) {
    call->log(1, "internal: out of memory for the machine's certificate");
  }
  return 0;
}

}  // namespace attest
