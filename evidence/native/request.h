// request.h: what a verifying side asks for; CBOR parameters behind the fixed header of binder.h.
#pragma once
#include "evidence/native/binder.h"

namespace attest {

inline constexpr std::size_t kMaxKnownDigests = 16;
inline constexpr std::size_t kMinKnownDigest = 8;  // bytes of a shortened digest

struct Request {
  RequestHeader header;
  std::uint32_t max_age_s = 0;       // 0: evidence must cover this handshake's binder
  std::vector<Bytes> known_digests;  // SHA-256 of metadata items the sender holds, 8 to 32 bytes each
};

Result<Bytes> encode_request(const Request& request);
// decode_request is strict: deterministic CBOR, unknown keys refused, counts bounded, nothing trailing.
Result<Request> decode_request(View bytes);

}  // namespace attest
