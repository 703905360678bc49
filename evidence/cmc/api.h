// api.h: the calls of CMC's agent (API 1.4.0) as payloads, JSON or CBOR; the frame around them is that of
// cmcd-lite/protocol/frames.h with the types below.
#pragma once
#include "evidence/cmc/component.h"

namespace attest::cmc {

inline constexpr std::string_view kApiVersion = "1.4.0";

// Call is a frame type. Answers carry the call's type, refusals `error`.
enum class Call : std::uint32_t {
  error = 0,
  attest = 1,
  verify = 2,
  tls_create = 3,
  tls_sign = 4,
  tls_cert = 5,
  peer_cache = 6,
  measure = 7,
  update_certs = 8,
  update_metadata = 9,
};
// call_of: nullopt for types that are no call (0 among them).
std::optional<Call> call_of(std::uint32_t type);
const char* call_name(Call call);  // "Attest"

// KeyConfig says what key TLSCreate makes and what its certificate names.
struct KeyConfig {
  std::string type;  // "tpm", "sw"
  std::string alg;   // "EC256", "EC384", "EC521", "RSA2048", "RSA4096"
  std::string cn;
  std::vector<std::string> dns_names, ip_addresses;
};

// ApiRequest holds the members of every call; which of them a call has, its table in api.cc says.
struct ApiRequest {
  Call call = Call::error;
  std::string version{kApiVersion};
  Bytes nonce, report;
  std::vector<std::string> cached;   // digests of metadata that the asker holds
  std::string peer, peer_addr;
  std::optional<Bytes> policies;     // JavaScript; present, though empty, it is evaluated
  KeyConfig key_config;
  std::string key_id, hash_alg;
  Bytes content;                     // the digest to sign
  std::optional<std::int64_t> pss_salt;  // our extension: RSA-PSS with a salt of so many bytes; CMC has no PSS
  Component event;
};

struct ApiResponse {
  Call call = Call::error;
  std::string version{kApiVersion};
  std::string msg;                   // of an error
  Bytes report;
  Bytes result;                      // encoded attestation result, in the serialisation of the answer
  std::string key_id;
  Bytes signed_content;
  std::vector<Bytes> certificate;    // PEM, leaf first, one certificate each
  std::vector<std::string> cache;    // digests
  bool success = false;
};

// decode_* take either serialisation: malformed for anything else, for wrong types, for members out of bounds and for
// trailing bytes; unsupported for another version than 1.4.0. Unknown members are passed over, as CMC does.
Result<ApiRequest> decode_request(Call call, View payload);
Result<ApiResponse> decode_response(Call call, View payload);
Bytes encode_request(const ApiRequest& request, Encoding encoding);
Bytes encode_response(const ApiResponse& response, Encoding encoding);

}  // namespace attest::cmc
