// tls_frames.h: frames of attested TLS in the stream of an SSL object, blocking or not, with a deadline.
#pragma once
#include <openssl/ssl.h>

#include <chrono>

#include "provider/libattest/exchange.h"

namespace attest::atls {

using Clock = std::chrono::steady_clock;

// TlsFrames reads and writes whole frames. While it lives the socket does not block, so that the deadline holds; the way
// it was before comes back with its end, and no deadline stays behind. The SSL object is lent. Not thread safe.
class TlsFrames final : public Frames {
 public:
  TlsFrames(SSL* ssl, Clock::time_point deadline, std::uint32_t max_frame);
  TlsFrames(const TlsFrames&) = delete;
  TlsFrames& operator=(const TlsFrames&) = delete;
  ~TlsFrames() override;
  Status send(View payload) override;
  Result<Bytes> receive() override;
  Status in_time() override;
  void give_up() override;
  void set_deadline(Clock::time_point deadline) { deadline_ = deadline; }
  // wait_data waits until the peer sent something of its own or closed its end, or until the moment given.
  enum class Wait { data, timeout, closed };
  Result<Wait> wait_data(Clock::time_point until);
  // handshake brings the TLS handshake to its end within the deadline.
  Status handshake();

 private:
  Status fill(std::span<std::uint8_t> out);
  // wait_for waits until what the SSL object said it needs may go on; io when the time is up or the connection ended.
  Status wait_for(int ssl_result, const char* what);
  // poll_for waits for readiness; false when the moment came first.
  Result<bool> poll_for(bool reading, Clock::time_point until, const char* what);
  SSL* ssl_;
  Clock::time_point deadline_;
  std::uint32_t max_frame_;
  bool last_words_ = false;     // only the beginning of a frame is kept
  std::uint32_t unheard_ = 0;   // bytes that a peer may still send then
  int flags_ = -1;  // of the descriptor; -1: left alone
};

}  // namespace attest::atls
