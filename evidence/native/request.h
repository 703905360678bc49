// request.h: what a verifying side asks for; CBOR parameters behind the fixed header of binder.h.
#pragma once
#include "evidence/native/profile.h"

namespace attest {

inline constexpr std::size_t kMaxKnownDigests = 16;
inline constexpr std::size_t kMinKnownDigest = 8;  // bytes of a shortened digest
inline constexpr std::size_t kMaxKnownKeys = 4;
inline constexpr std::size_t kMaxDistributors = 2;
inline constexpr std::size_t kMaxProfiles = 4;

struct Request {
  RequestHeader header;
  std::uint32_t max_age_s = 0;       // 0: evidence must cover this handshake's binder
  std::vector<Bytes> known_digests;  // SHA-256 of metadata items the sender holds, 8 to 32 bytes each
  std::vector<Bytes> known_keys;     // key_hint of short-lived keys whose quote the sender has judged
  std::vector<Bytes> distributors;   // key_hint of the distributors whose Epoch IDs the sender accepts
  Bytes cursor;                      // key_hint of the logs the sender holds (log_prefix); empty: none
  std::vector<std::uint8_t> profiles;  // accepted forms of evidence, best first, unknown ones among them; empty: native alone
  bool accepts(Profile profile) const {
    if (profiles.empty()) return profile == Profile::native;
    return std::ranges::find(profiles, static_cast<std::uint8_t>(profile)) != profiles.end();
  }
};

Result<Bytes> encode_request(const Request& request);
// decode_request is strict: deterministic CBOR, unknown keys refused, counts bounded, nothing trailing.
Result<Request> decode_request(View bytes);

}  // namespace attest
