// The custom extension: what goes into each message and what is kept of each. Parsing collects and never
// judges, since no callback knows the last entry of a chain.
#include "evidence/native/message.h"
#include "provider/hook/callbacks.h"
#include "provider/hook/judge.h"
#include "provider/hook/prove.h"

namespace attest {
namespace {

// What an add callback tells OpenSSL.
struct Body {
  enum { send, skip, refuse } what = skip;
  View bytes;
};
constexpr Body kSkip{};
Body send(View bytes) { return {Body::send, bytes}; }
Body refuse(const Call& call, std::string_view why) {
  call.refuse(why);
  return {Body::refuse, {}};
}

// A client that demands nothing but can attest says so: without our extension in its ClientHello OpenSSL lets
// a server send neither EncryptedExtensions nor CertificateRequest of ours.
constexpr std::array<std::uint8_t, 34> kOffer = {RequestHeader::kVersion,
                                                 RequestHeader::kCanAttest | RequestHeader::kOfferOnly};

bool wants_evidence(View request) {
  auto header = parse_request_header(request);
  return header && (header->flags & RequestHeader::kOfferOnly) == 0;
}

bool insists(View request) {
  auto header = parse_request_header(request);
  return header && (header->flags & RequestHeader::kRequires) != 0;
}

// ask_peer puts our request into ClientHello or CertificateRequest.
Body ask_peer(const Call& call) {
  if (Status asked = ask(call); !asked) {
    if (call.requires_evidence()) return refuse(call, asked.error().what);
    call.log(1, asked.error().what);
    return kSkip;
  }
  return send(call.now().our_request);
}

Body client_hello(const Call& call) {
  if (stand_guard(call)) call.now() = Handshake{};  // the beginning of this handshake went by unseen
  if (call.requires_evidence() && !call.quic()) SSL_set_min_proto_version(call.ssl, TLS1_3_VERSION);
  if (call.demand() != Mode::off) return ask_peer(call);
  return call.hook.settings.evidence ? send(kOffer) : kSkip;
}

// demand_certificate makes the server ask for a certificate. This is the last moment: nginx's SNI callback
// sets the verify mode after the ClientHello. Under `prefer` a client that cannot attest is not bothered, and
// none is turned away.
void demand_certificate(const Call& call) {
  auto peer = parse_request_header(call.now().peer_request);
  bool can = peer && (peer->flags & RequestHeader::kCanAttest) != 0 && !SSL_session_reused(call.ssl);
  if (call.demand() == Mode::off || call.quic() || (!call.requires_evidence() && !can)) return;
  int mode = SSL_get_verify_mode(call.ssl);
  call.state.program_verify_mode = mode;
  call.now().forced = (mode & SSL_VERIFY_PEER) == 0;
  int forced = (mode & ~SSL_VERIFY_POST_HANDSHAKE) | SSL_VERIFY_PEER;
  if (call.requires_evidence()) forced |= SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
  SSL_set_verify(call.ssl, forced, SSL_get_verify_callback(call.ssl));
}

Body encrypted_extensions(const Call& call) {
  if (!call.server) return kSkip;
  if (call.requires_evidence() && SSL_session_reused(call.ssl))
    return refuse(call,
                  "peer.resumed: a resumed or pre-shared-key handshake carries no evidence; connect anew");
  demand_certificate(call);
  if (!call.hook.settings.evidence || !wants_evidence(call.now().peer_request)) return kSkip;
  call.now().reply = {kReply.begin(), kReply.end()};
  return send(call.now().reply);
}

// A second CertificateRequest is post-handshake authentication: the program asked, and everything is judged
// again.
Body certificate_request(const Call& call) {
  if (!call.server || call.demand() == Mode::off || call.quic()) return kSkip;
  Handshake& now = call.now();
  if (now.asked++ > 0) {
    now.judged = Judged::no;
    now.why.clear();
    now.forced = false;
    now.our_request.clear();
  }
  return ask_peer(call);
}

Body first_entry(const Call& call, const X509* leaf) {
  Handshake& now = call.now();
  now.evidence_out.clear();
  bool due = call.server ? !now.reply.empty() : may_release(call);
  if (now.peer_request.empty() || !due) return kSkip;
  bool must = insists(now.peer_request);
  if (Status made = make_evidence(call, leaf); !made) {
    if (must) return refuse(call, made.error().what);
    call.log(1, made.error().what);
    return kSkip;
  }
  return send(next_piece(call, 0));
}

Body certificate(const Call& call, const X509* cert, std::size_t entry) {
  if (entry == 0) return first_entry(call, cert);
  View piece = next_piece(call, entry);
  return piece.empty() ? kSkip : send(piece);
}

Body body_of(const Call& call, unsigned context, const X509* cert, std::size_t entry) {
  if (context & SSL_EXT_CLIENT_HELLO) return client_hello(call);
  if (context & SSL_EXT_TLS1_3_ENCRYPTED_EXTENSIONS) return encrypted_extensions(call);
  if (context & SSL_EXT_TLS1_3_CERTIFICATE_REQUEST) return certificate_request(call);
  if (context & SSL_EXT_TLS1_3_CERTIFICATE) return certificate(call, cert, entry);
  return kSkip;
}

// keep_request keeps the peer's ask; one we cannot read is a fault of the message.
bool keep_request(const Call& call, View body) {
  auto header = parse_request_header(body);
  if (!header) {
    call.refuse("peer.bad-request: " + header.error().what);
    return false;
  }
  call.now().peer_request = to_bytes(body);
  call.now().evidence_out.clear();
  return true;
}

void keep_reply(const Call& call, View body) {
  if (!equal(body, kReply))
    call.now().fault = "peer.bad-reply: the server answered with a version or profile unknown here";
  else
    call.now().reply = to_bytes(body);
}

void keep_evidence(const Call& call, View body) {
  Handshake& now = call.now();
  if (now.judged != Judged::no || !now.fault.empty()) return;
  if (now.evidence_in.size() + body.size() <= kMaxEvidence) {
    now.evidence_in.insert(now.evidence_in.end(), body.begin(), body.end());
    return;
  }
  now.fault = "peer.too-much: more than " + std::to_string(kMaxEvidence) + " bytes of evidence";
  Bytes().swap(now.evidence_in);
}

bool keep(const Call& call, unsigned context, View body) {
  if (context & (SSL_EXT_CLIENT_HELLO | SSL_EXT_TLS1_3_CERTIFICATE_REQUEST)) return keep_request(call, body);
  if (context & SSL_EXT_TLS1_3_ENCRYPTED_EXTENSIONS) keep_reply(call, body);
  if (context & SSL_EXT_TLS1_3_CERTIFICATE) keep_evidence(call, body);
  return true;
}

}  // namespace

int add_extension(SSL* ssl, unsigned, unsigned context, const unsigned char** out, std::size_t* size,
                  X509* cert, std::size_t entry, int* alert, void*) noexcept {
  *alert = SSL_AD_HANDSHAKE_FAILURE;
  auto call = call_of(ssl);
  if (!call) return -1;
  try {
    Body body = body_of(*call, context, cert, entry);
    if (body.what != Body::send) return body.what == Body::skip ? 0 : -1;
    *out = body.bytes.data();
    *size = body.bytes.size();
    return 1;
  } catch (const std::exception&) {
    call->refuse("internal: out of memory in the attest module");
    return -1;
  }
}

// The bytes lent to OpenSSL were copied: evidence that is out can go.
void free_extension(SSL* ssl, unsigned, unsigned context, const unsigned char*, void*) noexcept {
  auto call = call_of(ssl);
  if (!call || (context & SSL_EXT_TLS1_3_CERTIFICATE) == 0) return;
  if (call->now().sent < call->now().evidence_out.size()) return;
  Bytes().swap(call->now().evidence_out);
  call->now().sent = 0;
}

int parse_extension(SSL* ssl, unsigned, unsigned context, const unsigned char* in, std::size_t size, X509*,
                    std::size_t, int* alert, void*) noexcept {
  *alert = SSL_AD_HANDSHAKE_FAILURE;
  auto call = call_of(ssl);
  if (!call) return 0;
  try {
    return keep(*call, context, View(in, size)) ? 1 : 0;
  } catch (const std::exception&) {
    call->refuse("internal: out of memory in the attest module");
    return 0;
  }
}

}  // namespace attest
