#include "provider/libattest/frame_pipe.h"

#include <fcntl.h>
#include <openssl/err.h>
#include <poll.h>

#include <cstring>

#include "evidence/cmc/atls.h"
#include "evidence/core/printable.h"
#include "provider/libattest/no_pipe_signal.h"

namespace attest::atls {
namespace {

constexpr std::size_t kStep = 16 << 10;

Error failed(const char* what) {
  unsigned long code = ERR_peek_last_error();
  const char* reason = code != 0 ? ERR_reason_error_string(code) : nullptr;
  ERR_clear_error();
  std::string text = reason != nullptr ? printable(reason, 200) : errno != 0 ? std::strerror(errno) : "the connection ended";
  return {Errc::io, std::string(what) + ": " + text};
}

}  // namespace

FramePipe::FramePipe(SSL* ssl, std::uint32_t max_frame)
    : ssl_(ssl), max_frame_(max_frame), fd_(SSL_get_fd(ssl)), flags_(fd_ >= 0 ? ::fcntl(fd_, F_GETFL) : -1) {
  if (flags_ >= 0 && (flags_ & O_NONBLOCK) == 0) ::fcntl(fd_, F_SETFL, flags_ | O_NONBLOCK);
  SSL_set_mode(ssl_, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
}

FramePipe::~FramePipe() {
  if (flags_ >= 0 && (flags_ & O_NONBLOCK) == 0) ::fcntl(fd_, F_SETFL, flags_);
}

Status FramePipe::queue(View payload) {
  TRY(Bytes frame, cmc::atls_frame(payload));
  if (!sending()) {
    out_ = std::move(frame);
    sent_ = 0;
  } else {
    out_.insert(out_.end(), frame.begin(), frame.end());
  }
  return ok();
}

Result<bool> FramePipe::send_some() {
  if (!sending()) return false;
  std::size_t step = 0;
  ERR_clear_error();
  errno = 0;
  int result = SSL_write_ex(ssl_, out_.data() + sent_, out_.size() - sent_, &step);
  int error = SSL_get_error(ssl_, result);
  if (result != 1 && error != SSL_ERROR_WANT_WRITE && error != SSL_ERROR_WANT_READ) return failed("sending to the peer");
  if (result != 1) return false;
  sent_ += step;
  if (!sending()) {
    out_.clear();
    sent_ = 0;
  }
  return true;
}

// measure reads the head of the frame that in_ begins with, once it is there.
Status FramePipe::measure() {
  if (need_ > 0 || in_.size() < cmc::kAtlsHeader) return ok();
  TRY(std::uint32_t length, cmc::parse_atls_header(View(in_).first(cmc::kAtlsHeader), max_frame_));
  need_ = cmc::kAtlsHeader + length;
  return ok();
}

Result<bool> FramePipe::read_some() {
  reads_by_writing_ = false;
  CHECK_OK(measure());
  if (closed_ || whole()) return false;
  std::size_t before = in_.size(), came = 0;
  in_.resize(before + kStep);
  ERR_clear_error();
  errno = 0;
  int result = SSL_read_ex(ssl_, in_.data() + before, kStep, &came);
  int error = SSL_get_error(ssl_, result);
  in_.resize(before + came);
  if (result == 1) {
    CHECK_OK(measure());
    return true;
  }
  if (error == SSL_ERROR_ZERO_RETURN && !in_.empty()) return Error{Errc::io, "hearing the peer: the peer closed the connection"};
  closed_ = error == SSL_ERROR_ZERO_RETURN;
  reads_by_writing_ = error == SSL_ERROR_WANT_WRITE;
  if (closed_ || reads_by_writing_ || error == SSL_ERROR_WANT_READ) return closed_;
  return failed("hearing the peer");
}

Result<bool> FramePipe::pump(bool reading) {
  NoPipeSignal quiet;  // what cannot be read is answered with an alert
  TRY(bool sent, send_some());
  if (!reading) return sent;
  TRY(bool came, read_some());
  return sent || came;
}

std::optional<Bytes> FramePipe::take() {
  if (!whole()) return std::nullopt;
  Bytes out(in_.begin() + cmc::kAtlsHeader, in_.begin() + static_cast<std::ptrdiff_t>(need_));
  in_.erase(in_.begin(), in_.begin() + static_cast<std::ptrdiff_t>(need_));
  need_ = 0;
  (void)measure();  // a bad length is told by the next pump, which measures again
  return out;
}

Result<FramePipe::Ready> FramePipe::wait(const Local& local, bool reading, Clock::time_point until) {
  constexpr std::int64_t kMinute = 60000;
  if (fd_ < 0) return Error{Errc::io, "the connection has no socket to wait for"};
  short events = 0;
  if (reading && !closed_) events = POLLIN;
  if (sending() || reads_by_writing_) events = static_cast<short>(events | POLLOUT);
  pollfd all[] = {{events != 0 ? fd_ : -1, events, 0}, {local.in, POLLIN, 0}, {local.out, POLLOUT, 0}};
  std::int64_t left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now()).count();
  if (::poll(all, 3, static_cast<int>(std::clamp<std::int64_t>(left, 0, kMinute))) < 0 && errno != EINTR)
    return Error{Errc::io, std::string("waiting for the peer: ") + std::strerror(errno)};
  return Ready{local.in >= 0 && all[1].revents != 0, local.out >= 0 && all[2].revents != 0};
}

}  // namespace attest::atls
