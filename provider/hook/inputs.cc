#include "provider/hook/inputs.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>

namespace attest {
namespace {

Bytes public_key_bytes(EVP_PKEY* key) {
  unsigned char* out = nullptr;
  std::size_t size = key == nullptr ? 0 : EVP_PKEY_get1_encoded_public_key(key, &out);
  Bytes bytes(out, out + size);
  OPENSSL_free(out);
  return bytes;
}

// Key shares as TLS carries them. A KEM has a public key on one side only: both are absent then, on both ends
// alike.
void add_shares(const Call& call, BinderInputs& inputs) {
  EVP_PKEY* own = nullptr;
  EVP_PKEY* peer = nullptr;
  SSL_get_tmp_key(call.ssl, &own);
  SSL_get_peer_tmp_key(call.ssl, &peer);
  OwnedPkey own_key(own), peer_key(peer);
  if (!own_key || !peer_key) return;
  Bytes ours = public_key_bytes(own), theirs = public_key_bytes(peer);
  if (ours.empty() || theirs.empty()) return;
  inputs.client_share = call.server ? theirs : ours;
  inputs.server_share = call.server ? std::move(ours) : std::move(theirs);
}

Status add_secret(const Call& call, View request, BinderInputs& inputs) {
  if (inputs.prover == Role::server) {
    if (!call.now().server_tag)
      return Error{
          Errc::denied,
          "hook.no-secret: OpenSSL gave no handshake secret; does the program replace the keylog callback?"};
    inputs.secret_tag = *call.now().server_tag;
    return ok();
  }
  TRY(RequestHeader header, parse_request_header(request));
  if (SSL_export_keying_material(call.ssl, inputs.secret_tag.data(), inputs.secret_tag.size(),
                                 kClientExporterLabel.data(), kClientExporterLabel.size(),
                                 header.nonce.data(), header.nonce.size(), 1) != 1)
    return Error{Errc::io, "hook.no-secret: OpenSSL's exporter failed"};
  return ok();
}

std::string address_of(int fd) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (fd < 0 || ::getpeername(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) return {};
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (address.ss_family == AF_INET)
    ::inet_ntop(AF_INET, &reinterpret_cast<sockaddr_in*>(&address)->sin_addr, text.data(), text.size());
  if (address.ss_family == AF_INET6)
    ::inet_ntop(AF_INET6, &reinterpret_cast<sockaddr_in6*>(&address)->sin6_addr, text.data(), text.size());
  if (address.ss_family == AF_UNIX) {
    const char* path = reinterpret_cast<sockaddr_un*>(&address)->sun_path;
    return "unix:" + std::string(path, ::strnlen(path, sizeof sockaddr_un::sun_path));
  }
  return text.data();
}

struct Group {
  long nid;
  std::uint32_t tls;
};
constexpr Group kGroups[] = {  // RFC 8446 4.2.7
    {NID_X9_62_prime256v1, 23}, {NID_secp384r1, 24},  {NID_secp521r1, 25},
    {NID_X25519, 29},           {NID_X448, 30},       {NID_ffdhe2048, 256},
    {NID_ffdhe3072, 257},       {NID_ffdhe4096, 258}, {NID_ffdhe6144, 259},
    {NID_ffdhe8192, 260}};

}  // namespace

std::uint32_t tls_group(long openssl_group) {
  if (openssl_group & TLSEXT_nid_unknown) return static_cast<std::uint32_t>(openssl_group & 0xffff);
  const auto* row = std::ranges::find(kGroups, openssl_group, &Group::nid);
  return row != std::end(kGroups) ? row->tls : static_cast<std::uint32_t>(openssl_group);
}

Result<BinderInputs> collect_inputs(const Call& call, Role prover, View request, const X509* leaf) {
  BinderInputs inputs;
  inputs.prover = prover;
  SSL_get_client_random(call.ssl, inputs.client_random.data(), inputs.client_random.size());
  SSL_get_server_random(call.ssl, inputs.server_random.data(), inputs.server_random.size());
  const SSL_CIPHER* cipher = SSL_get_current_cipher(call.ssl);
  if (!call.attestable() || cipher == nullptr)
    return Error{Errc::denied,
                 std::string("peer.version: evidence needs TLS 1.3, this is ") + SSL_get_version(call.ssl)};
  inputs.cipher = SSL_CIPHER_get_protocol_id(cipher);
  inputs.group = tls_group(SSL_get_negotiated_group(call.ssl));
  add_shares(call, inputs);
  inputs.request = to_bytes(request);
  if (prover == Role::server) inputs.reply = call.now().reply;
  unsigned char* der = nullptr;
  int size = leaf == nullptr ? 0 : i2d_X509(leaf, &der);
  if (size <= 0) return Error{Errc::denied, "peer.no-certificate: evidence needs an X.509 certificate"};
  inputs.leaf_der.assign(der, der + size);
  OPENSSL_free(der);
  CHECK_OK(add_secret(call, request, inputs));
  return inputs;
}

std::string peer_name(const Call& call) {
  if (!call.hook.settings.peer.empty()) return call.hook.settings.peer;
  const char* sni = call.server ? nullptr : SSL_get_servername(call.ssl, TLSEXT_NAMETYPE_host_name);
  std::string name = sni != nullptr ? sni : address_of(SSL_get_rfd(call.ssl));
  return name.size() <= kMaxName ? name : std::string();
}

std::string asker_name(const Call& call) {
  if (!call.server) return peer_name(call);
  std::string address = address_of(SSL_get_rfd(call.ssl));
  return address.size() <= kMaxName ? address : std::string();
}

std::string peer_label(const Call& call) {
  std::string name = peer_name(call);
  return name.empty() ? "the peer" : name;
}

}  // namespace attest
