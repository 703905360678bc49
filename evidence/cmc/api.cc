#include "evidence/cmc/api.h"

#include "evidence/core/printable.h"

namespace attest::cmc {
namespace {

constexpr std::size_t kMaxCached = 1024;
constexpr std::size_t kMaxNames = 64;
constexpr std::size_t kMaxPem = 16;
constexpr std::size_t kMaxText = 1024;

enum class Member : std::uint8_t {
  version, nonce, report, cached, peer, peer_addr, policies, key_config, key_id, content, hash_alg, pss, event,
  msg, result, signed_content, certificate, cache, success,
};

// Row is one member of a call, in the order in which it is written. optional: left out when empty.
struct Row {
  Field field;
  Member member;
  bool optional = false;
};
using Rows = std::span<const Row>;

constexpr Row kVersionOnly[] = {{{"version", 0}, Member::version}};
constexpr Row kAttestIn[] = {{{"version", 0}, Member::version}, {{"nonce", 1}, Member::nonce}, {{"cached", 2}, Member::cached, true}};
constexpr Row kVerifyIn[] = {{{"version", 0}, Member::version},      {{"nonce", 1}, Member::nonce},
                             {{"report", 2}, Member::report},        {{"peer", 6}, Member::peer, true},
                             {{"peerAddr", 7}, Member::peer_addr, true}, {{"policies", 8}, Member::policies, true}};
constexpr Row kTlsCreateIn[] = {{{"version", 0}, Member::version}, {{"keyConfig", 1}, Member::key_config}};
constexpr Row kTlsSignIn[] = {{{"version", 0}, Member::version},
                              {{"keyId", 1}, Member::key_id},
                              {{"content", 2}, Member::content},
                              {{"hashAlg", 3}, Member::hash_alg},
                              {{"pssOptions", 4}, Member::pss, true}};
constexpr Row kTlsCertIn[] = {{{"version", 0}, Member::version}, {{"keyId", 1}, Member::key_id}};
constexpr Row kPeerCacheIn[] = {{{"version", 0}, Member::version}, {{"peer", 1}, Member::peer}};
constexpr Row kMeasureIn[] = {{{"version", 0}, Member::version}, {{"event", 1}, Member::event}};

constexpr Row kError[] = {{{"version", 0}, Member::version}, {{"msg", 1}, Member::msg}};
constexpr Row kAttestOut[] = {{{"version", 0}, Member::version}, {{"report", 1}, Member::report}};
constexpr Row kVerifyOut[] = {{{"version", 0}, Member::version}, {{"result", 1}, Member::result}};
constexpr Row kTlsCreateOut[] = {{{"version", 0}, Member::version}, {{"keyId", 1}, Member::key_id}};
constexpr Row kTlsSignOut[] = {{{"version", 0}, Member::version}, {{"signedContent", 1}, Member::signed_content}};
constexpr Row kTlsCertOut[] = {{{"version", 0}, Member::version}, {{"certificate", 1}, Member::certificate}};
constexpr Row kPeerCacheOut[] = {{{"version", 0}, Member::version}, {{"cache", 1}, Member::cache}};
constexpr Row kSuccessOut[] = {{{"version", 0}, Member::version}, {{"success", 1}, Member::success}};

struct CallRow {
  Call call;
  const char* name;
  Rows in, out;
};
constexpr CallRow kCalls[] = {{Call::attest, "Attest", kAttestIn, kAttestOut},
                              {Call::verify, "Verify", kVerifyIn, kVerifyOut},
                              {Call::tls_create, "TLSCreate", kTlsCreateIn, kTlsCreateOut},
                              {Call::tls_sign, "TLSSign", kTlsSignIn, kTlsSignOut},
                              {Call::tls_cert, "TLSCert", kTlsCertIn, kTlsCertOut},
                              {Call::peer_cache, "PeerCache", kPeerCacheIn, kPeerCacheOut},
                              {Call::measure, "Measure", kMeasureIn, kSuccessOut},
                              {Call::update_certs, "UpdateCerts", kVersionOnly, kSuccessOut},
                              {Call::update_metadata, "UpdateMetadata", kVersionOnly, kSuccessOut},
                              {Call::error, "Error", kError, kError}};

const CallRow& row_of(Call call) {
  for (const CallRow& row : kCalls)
    if (row.call == call) return row;
  return kCalls[std::size(kCalls) - 1];
}

constexpr Field kKeyConfig[] = {{"type", 1}, {"alg", 2}, {"cn", 3}, {"dnsNames", 4}, {"ipAddresses", 5}};
constexpr Field kPss[] = {{"saltLength", 0}};

std::string short_text(Source& in) {
  std::string text = in.text();
  if (text.size() > kMaxText) in.fail("a text of more than 1024 bytes");
  return text;
}

void read_texts(Source& in, std::vector<std::string>& out, std::size_t max, std::string_view what) {
  read_list(in, out, max, what, [&](std::string& text) { text = short_text(in); });
}

void read_key_config(Source& in, KeyConfig& out) {
  in.object(kKeyConfig, [&](std::size_t field) {
    if (field == 3) return read_texts(in, out.dns_names, kMaxNames, "DNS names");
    if (field == 4) return read_texts(in, out.ip_addresses, kMaxNames, "IP addresses");
    (field == 0 ? out.type : field == 1 ? out.alg : out.cn) = short_text(in);
  });
}

void write_key_config(Sink& out, const KeyConfig& config) {
  out.object();
  write_text(out, kKeyConfig[0], config.type);
  write_text(out, kKeyConfig[1], config.alg);
  write_text(out, kKeyConfig[2], config.cn);
  write_texts(out, kKeyConfig[3], config.dns_names);
  write_texts(out, kKeyConfig[4], config.ip_addresses);
  out.end_object();
}

// read_members reads a structure of these members; read reads one of them.
template <class F>
Status read_members(Source& in, Rows rows, std::string_view what, F&& read) {
  std::vector<Field> fields;
  for (const Row& row : rows) fields.push_back(row.field);
  in.object(fields, [&](std::size_t i) { read(rows[i].member); });
  return in.done(what);
}

void read_request(Source& in, Member member, ApiRequest& out) {
  switch (member) {
    case Member::version:
      out.version = short_text(in);
      break;
    case Member::nonce:
      out.nonce = in.bytes();
      break;
    case Member::report:
      out.report = in.bytes();
      break;
    case Member::cached:
      return read_texts(in, out.cached, kMaxCached, "digests");
    case Member::peer:
      out.peer = short_text(in);
      break;
    case Member::peer_addr:
      out.peer_addr = short_text(in);
      break;
    case Member::policies:
      if (!in.null()) out.policies = in.bytes();
      break;
    case Member::key_config:
      return read_key_config(in, out.key_config);
    case Member::key_id:
      out.key_id = short_text(in);
      break;
    case Member::content:
      out.content = in.bytes();
      break;
    case Member::hash_alg:
      out.hash_alg = short_text(in);
      break;
    case Member::pss:
      return in.object(kPss, [&](std::size_t) { out.pss_salt = in.integer(-2, 512); });
    default:
      return read_component(in, out.event);
  }
}

void read_response(Source& in, Member member, ApiResponse& out) {
  switch (member) {
    case Member::version:
      out.version = short_text(in);
      break;
    case Member::msg:
      out.msg = in.text();
      break;
    case Member::report:
      out.report = in.bytes();
      break;
    case Member::result:
      out.result = to_bytes(in.raw());
      break;
    case Member::key_id:
      out.key_id = short_text(in);
      break;
    case Member::signed_content:
      out.signed_content = in.bytes();
      break;
    case Member::certificate:
      return read_list(in, out.certificate, kMaxPem, "certificates", [&](Bytes& pem) { pem = in.bytes(); });
    case Member::cache:
      return read_texts(in, out.cache, kMaxCached, "digests");
    default:
      out.success = in.boolean();
  }
}

bool left_out(Member member, const ApiRequest& request) {
  if (member == Member::cached) return request.cached.empty();
  if (member == Member::peer) return request.peer.empty();
  if (member == Member::peer_addr) return request.peer_addr.empty();
  if (member == Member::policies) return !request.policies;
  return member == Member::pss && !request.pss_salt;
}

void write_list_of_texts(Sink& out, const std::vector<std::string>& texts) {
  out.array();
  for (const std::string& text : texts) out.text(text);
  out.end_array();
}

void write_request_member(Sink& out, Member member, const ApiRequest& request) {
  switch (member) {
    case Member::version:
      return out.text(request.version);
    case Member::nonce:
      return out.bytes(request.nonce);
    case Member::report:
      return out.bytes(request.report);
    case Member::cached:
      return write_list_of_texts(out, request.cached);
    case Member::peer:
      return out.text(request.peer);
    case Member::peer_addr:
      return out.text(request.peer_addr);
    case Member::policies:
      return out.bytes(*request.policies);
    case Member::key_config:
      return write_key_config(out, request.key_config);
    case Member::key_id:
      return out.text(request.key_id);
    case Member::content:
      return out.bytes(request.content);
    case Member::hash_alg:
      return out.text(request.hash_alg);
    case Member::pss:
      out.object();
      out.key(kPss[0]);
      out.integer(*request.pss_salt);
      return out.end_object();
    default:
      return write_component(out, request.event);
  }
}

void write_response_member(Sink& out, Member member, const ApiResponse& response) {
  switch (member) {
    case Member::version:
      return out.text(response.version);
    case Member::msg:
      return out.text(response.msg);
    case Member::report:
      return out.bytes(response.report);
    case Member::result:
      return out.raw(response.result);
    case Member::key_id:
      return out.text(response.key_id);
    case Member::signed_content:
      return out.bytes(response.signed_content);
    case Member::certificate:
      out.array();
      for (const Bytes& pem : response.certificate) out.bytes(pem);
      return out.end_array();
    case Member::cache:
      return write_list_of_texts(out, response.cache);
    default:
      return out.boolean(response.success);
  }
}

// with_source calls read with a source of the payload's own serialisation.
template <class F>
Status with_source(View payload, F&& read) {
  TRY(Encoding encoding, encoding_of(payload));
  if (encoding == Encoding::json) {
    JsonSource json(as_text(payload));
    return read(json);
  }
  CborSource cbor(payload, false);
  return read(cbor);
}

Status check_version(const std::string& version) {
  if (version == kApiVersion) return ok();
  return Error{Errc::unsupported, "API version \"" + printable(version, 20) + "\"; this agent speaks 1.4.0"};
}

}  // namespace

std::optional<Call> call_of(std::uint32_t type) {
  if (type < 1 || type > 9) return std::nullopt;
  return static_cast<Call>(type);
}

const char* call_name(Call call) { return row_of(call).name; }

Result<ApiRequest> decode_request(Call call, View payload) {
  ApiRequest out;
  out.call = call;
  out.version.clear();
  CHECK_OK(with_source(payload, [&](Source& in) {
    return read_members(in, row_of(call).in, call_name(call), [&](Member member) { read_request(in, member, out); });
  }));
  CHECK_OK(check_version(out.version));
  return out;
}

Result<ApiResponse> decode_response(Call call, View payload) {
  ApiResponse out;
  out.call = call;
  out.version.clear();
  CHECK_OK(with_source(payload, [&](Source& in) {
    return read_members(in, row_of(call).out, call_name(call), [&](Member member) { read_response(in, member, out); });
  }));
  CHECK_OK(check_version(out.version));
  return out;
}

Bytes encode_request(const ApiRequest& request, Encoding encoding) {
  auto out = make_sink(encoding);
  out->object();
  for (const Row& row : row_of(request.call).in) {
    if (row.optional && left_out(row.member, request)) continue;
    out->key(row.field);
    write_request_member(*out, row.member, request);
  }
  out->end_object();
  return out->finish();
}

Bytes encode_response(const ApiResponse& response, Encoding encoding) {
  auto out = make_sink(encoding);
  out->object();
  for (const Row& row : row_of(response.call).out) {
    out->key(row.field);
    write_response_member(*out, row.member, response);
  }
  out->end_object();
  return out->finish();
}

}  // namespace attest::cmc
