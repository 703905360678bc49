// http_stream.h: HTTP/1.1 messages on a channel, bodies streamed.
#pragma once
#include "apps/attestctl/atls/channel.h"

namespace attest::ctl {

// HttpStream reads and writes messages on one channel, one after the other. The channel is lent.
class HttpStream {
 public:
  using Sink = std::function<Status(View)>;
  explicit HttpStream(Channel& channel) : channel_(channel) {}
  // request: nullopt where the other side closed between two requests.
  Result<std::optional<http::Head>> request();
  Result<http::Head> response();
  // body hands the pieces of a body to sink as they come, chunks taken apart.
  Status body(const http::Body& body, const Sink& sink);
  Status write(std::string_view text) { return write(as_view(text)); }
  Status write(View bytes);
  // deaf: the other side took no more of what was written. It may have answered all the same.
  bool deaf() const { return deaf_; }
  // silent: nothing has come that was not taken.
  bool silent() const { return buffer_.empty(); }
  // write_piece writes a piece of a body as it must be framed; end_body what follows the last.
  Status write_piece(const http::Body& body, View piece);
  Status end_body(const http::Body& body);
  // buffered: bytes that were read and belong to nobody yet, for tunnels.
  Bytes take_buffered() { return std::move(buffer_); }

 private:
  Result<std::optional<Bytes>> head();
  Result<bool> more();
  Status exactly(std::uint64_t size, const Sink& sink);
  Status chunks(const Sink& sink);
  Channel& channel_;
  Bytes buffer_;
  bool deaf_ = false;
};

}  // namespace attest::ctl
