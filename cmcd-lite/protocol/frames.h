// frames.h: the frames between the daemon and its local callers.
// u32 payload length | u32 type | payload, big endian: the layout of CMC's socket API (types 0 to 9), with types of our
// own for the handshake. Payloads of our own types are Writer/Reader records, so the module needs no CBOR.
#pragma once
#include "evidence/core/bytes.h"

namespace attest {

inline constexpr std::size_t kFrameHeader = 8;
inline constexpr std::uint32_t kMaxFrame = 10U << 20;  // CMC's bound, enforced on every socket

enum class FrameType : std::uint32_t {
  cmc_error = 0,
  // private: 'A' 'T' in the upper half
  error = 0x41540000,         // ErrorAnswer
  begin = 0x41540001,         // BeginCall -> BeginAnswer
  attest = 0x41540002,        // AttestCall -> AttestAnswer
  judge = 0x41540003,         // JudgeCall -> JudgeAnswer
  sign = 0x41540004,          // SignCall -> SignAnswer
  key = 0x41540005,           // KeyCall -> KeyAnswer
  machine_cert = 0x41540006,  // MachineCertCall -> MachineCertAnswer
  control = 0x41540007,       // JSON text -> JSON text: status, explain, generate, keys, enrolment (docs/PROTOCOL.md)
};

struct FrameHeader {
  std::uint32_t length = 0;
  std::uint32_t type = 0;
};
// parse_frame_header takes exactly 8 bytes; denied when length exceeds max.
Result<FrameHeader> parse_frame_header(View header, std::uint32_t max = kMaxFrame);
Result<Bytes> encode_frame(std::uint32_t type, View payload);
inline Result<Bytes> encode_frame(FrameType type, View payload) {
  return encode_frame(static_cast<std::uint32_t>(type), payload);
}

}  // namespace attest
