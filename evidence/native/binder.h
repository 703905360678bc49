// binder.h: what ties evidence to one TLS 1.3 handshake (docs/PROTOCOL.md, "Binder").
#pragma once
#include <optional>

#include "evidence/core/bytes.h"
#include "evidence/core/hash.h"
#include "evidence/core/secret.h"

namespace attest {

// The TLS extension that carries everything (private use), and the labels under which the daemon signs.
inline constexpr std::uint16_t kTlsExtension = 0xffa1;
inline constexpr std::string_view kReservedNoncePrefix = "attest/";

// Role says which side of the handshake proves itself.
enum class Role : std::uint8_t { server = 0, client = 1 };
constexpr const char* role_name(Role role) { return role == Role::server ? "server" : "client"; }
constexpr Role other(Role role) { return role == Role::server ? Role::client : Role::server; }

using Nonce = std::array<std::uint8_t, 32>;

// RequestHeader is the fixed part of a request (ClientHello or CertificateRequest extension):
//   u8 version (1) | u8 flags | nonce[32] | CBOR parameters (request.h)
// The module reads this much and hands the whole request to the daemon.
struct RequestHeader {
  static constexpr std::uint8_t kVersion = 1;
  static constexpr std::uint8_t kCanAttest = 1;      // the sender can give evidence itself
  static constexpr std::uint8_t kRequires = 2;       // the sender refuses a peer without evidence
  static constexpr std::uint8_t kOfferOnly = 4;      // the sender asks for nothing; the nonce is zero, nothing follows it
  static constexpr std::size_t kMaxRequest = 4096;   // bytes, parameters included
  std::uint8_t flags = 0;
  Nonce nonce{};
};
// parse_request_header fails with malformed or unsupported (another version).
Result<RequestHeader> parse_request_header(View request);

// kReply is the server's EncryptedExtensions answer: version 1, profile 0 (native).
inline constexpr std::array<std::uint8_t, 2> kReply = {1, 0};

// BinderInputs are the facts of a handshake, seen alike by both ends. Bytes, not hashes, where the daemon must
// recompute: it signs nothing whose parts it was not given.
struct BinderInputs {
  Role prover = Role::server;  // who proves itself with the evidence in question
  std::array<std::uint8_t, 32> client_random{};
  std::array<std::uint8_t, 32> server_random{};
  std::uint16_t cipher = 0;      // TLS cipher suite number
  std::uint32_t group = 0;       // TLS group number of the key exchange (OpenSSL's nid for groups without one)
  Bytes client_share;            // empty: absent (KEM groups)
  Bytes server_share;
  Bytes request;                 // the verifying side's request, whole
  Bytes reply;                   // EncryptedExtensions answer; empty: absent (prover is the client)
  Bytes leaf_der;                // the prover's certificate
  std::array<std::uint8_t, 32> secret_tag{};  // S_server or S_client
};

inline constexpr std::size_t kMaxShare = 2048;
inline constexpr std::size_t kMaxLeaf = 16384;

// server_secret_tag is HKDF-Expand(secret, "attest/1 S-inhs", 32) with the handshake's hash; secret is
// SERVER_HANDSHAKE_TRAFFIC_SECRET as the keylog callback gives it. The raw secret never leaves the process.
Result<std::array<std::uint8_t, 32>> server_secret_tag(const Secret& secret, HashAlg hash);
// The exporter label and length of the client's tag; its context is the nonce of the server's request.
inline constexpr std::string_view kClientExporterLabel = "EXPORTER-attest-client";

// spki_sha256 is SHA-256 over the DER SubjectPublicKeyInfo of a DER certificate; malformed if it is none.
Result<Digest> spki_sha256(View leaf_der);

// compute_binder: 32 bytes. Fails where a length bound is passed, the request's header is bad, the leaf is no
// certificate, or a part that must be there is absent (a role-dependent reply, the secret tag).
Result<Digest> compute_binder(const BinderInputs& inputs);

// evidence_hash = SHA-256("attest/1 evidence" || binder || H(context)): the leaf of a batch.
Digest evidence_hash(const Digest& binder, View context);
// raw_evidence_hash = SHA-256("attest/1 raw" || u32 length || nonce || H(context)): evidence for a nonce outside a
// handshake (attestctl generate). Denied for nonces that begin "attest/", are empty or exceed 64 bytes.
Result<Digest> raw_evidence_hash(View nonce, View context);

// write_inputs and read_inputs carry the inputs between the module and the daemon.
void write_inputs(Writer& out, const BinderInputs& inputs);
BinderInputs read_inputs(Reader& in);

}  // namespace attest
