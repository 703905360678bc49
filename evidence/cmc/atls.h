// atls.h: the messages of attested TLS 1.3.0, which travel inside a TLS connection right after its handshake.
#pragma once
#include "evidence/cmc/codec.h"

namespace attest::cmc {

inline constexpr std::string_view kAtlsVersion = "1.3.0";
inline constexpr std::size_t kAtlsHeader = 4;              // the length before every frame, big endian
inline constexpr std::uint32_t kMaxAtlsFrame = 64U << 20;  // a report of 10,000 measured files is 11 MB

// AttestMode says who proves: both, the client alone, the server alone, nobody.
enum class AttestMode : std::uint8_t { mutual = 0, client = 1, server = 2, none = 3 };
const char* attest_mode_name(AttestMode mode);  // "mutual"
// attest_mode_from_name takes what attest_mode_name writes; malformed otherwise.
Result<AttestMode> attest_mode_from_name(std::string_view name);

struct AtlsRequest {
  AttestMode attest = AttestMode::mutual;
  std::vector<std::string> cached;  // digests of metadata the sender holds of this peer
};
struct AtlsResponse {
  std::string error;  // not empty: the sender cannot prove
  Bytes report;       // empty where the sender does not prove
};
struct AtlsComplete {
  bool success = false;
  std::string error;
};

Bytes encode_atls(const AtlsRequest& message, Encoding encoding);
Bytes encode_atls(const AtlsResponse& message, Encoding encoding);
Bytes encode_atls(const AtlsComplete& message, Encoding encoding);

// The decoders find out the serialisation. malformed for bytes that are not such a message; mismatch for a version other
// than 1.3.0; denied for a Complete without success that came in place of what was due (its sender failed and says so).
Result<AtlsRequest> decode_atls_request(View payload);
Result<AtlsResponse> decode_atls_response(View payload);
// decode_atls_complete: a Complete without success is a good message.
Result<AtlsComplete> decode_atls_complete(View payload);

// parse_atls_header reads the length of a frame; malformed for 0, denied for more than max.
Result<std::uint32_t> parse_atls_header(View header, std::uint32_t max = kMaxAtlsFrame);
// atls_frame is the length and the payload in one piece: peers read the length at once, so it must share a record with
// what follows. malformed for an empty payload or one of 4 GiB.
Result<Bytes> atls_frame(View payload);

}  // namespace attest::cmc
