#include "cmcd-lite/protocol/frames.h"

namespace attest {

Result<FrameHeader> parse_frame_header(View header, std::uint32_t max) {
  Reader in(header);
  FrameHeader out{in.u32be(), in.u32be()};
  CHECK_OK(in.done("frame header"));
  if (out.length > max)
    return Error{Errc::denied, "frame of " + std::to_string(out.length) + " bytes; at most " + std::to_string(max) + " are taken"};
  return out;
}

Result<Bytes> encode_frame(std::uint32_t type, View payload) {
  if (payload.size() > kMaxFrame)
    return Error{Errc::denied, "frame of " + std::to_string(payload.size()) + " bytes; at most " + std::to_string(kMaxFrame) + " may be sent"};
  Writer out;
  out.u32be(static_cast<std::uint32_t>(payload.size()));
  out.u32be(type);
  out.put(payload);
  return std::move(out).finish("frame");
}

}  // namespace attest
