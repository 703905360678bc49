// frame_pipe.h: frames both ways over a TLS connection at once, so that neither end waits for the other to read.
#pragma once
#include <openssl/ssl.h>

#include <chrono>
#include <optional>

#include "evidence/core/bytes.h"

namespace attest::atls {

using Clock = std::chrono::steady_clock;

// FramePipe moves frames (u32 length | payload) without blocking. While it lives the socket does not block; the way it was
// before comes back with its end. The SSL object is lent and gets the modes of partial and moving writes. Not thread safe.
class FramePipe {
 public:
  FramePipe(SSL* ssl, std::uint32_t max_frame);
  FramePipe(const FramePipe&) = delete;
  FramePipe& operator=(const FramePipe&) = delete;
  ~FramePipe();
  // queue takes a frame to be sent; malformed if it is too long for one.
  Status queue(View payload);
  bool sending() const { return sent_ < out_.size(); }
  // pump moves what can be moved now, and tells whether something was. Without `reading` nothing is taken in. io if the
  // connection fails, malformed for a frame of a length that is not allowed.
  Result<bool> pump(bool reading);
  // take gives the next frame that came whole.
  std::optional<Bytes> take();
  // closed: the peer ended its side in order, between two frames.
  bool closed() const { return closed_; }
  // Local are descriptors of the program's that may go on too: in to be read, out to be written; -1: none.
  struct Local {
    int in = -1, out = -1;
  };
  struct Ready {
    bool in = false, out = false;
  };
  // wait returns when the connection may go on, when a descriptor is ready, or at the moment given.
  Result<Ready> wait(const Local& local, bool reading, Clock::time_point until);

 private:
  Result<bool> send_some();
  Result<bool> read_some();
  bool whole() const { return need_ > 0 && in_.size() >= need_; }
  Status measure();
  SSL* ssl_;
  std::uint32_t max_frame_;
  int fd_, flags_;
  Bytes out_, in_;
  std::size_t sent_ = 0;
  std::size_t need_ = 0;  // bytes of the frame in_ begins with, head included; 0: not known yet
  bool closed_ = false, reads_by_writing_ = false;
};

}  // namespace attest::atls
