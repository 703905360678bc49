#include "apps/attestctl/atls/http_stream.h"

#include <cstdio>

#include "evidence/http/message.h"

namespace attest::ctl {
namespace {

constexpr std::size_t kStep = 16 << 10;
constexpr std::chrono::seconds kHeadTime{60};

}  // namespace

Status HttpStream::write(View bytes) {
  Status sent = channel_.write(bytes);
  deaf_ = deaf_ || !sent;
  return sent;
}

// more reads what comes next; false at the end of the stream.
Result<bool> HttpStream::more() {
  std::size_t before = buffer_.size();
  buffer_.resize(before + kStep);
  auto size = channel_.read(std::span(buffer_).subspan(before));
  buffer_.resize(before + (size ? *size : 0));
  if (!size) return size.error();
  return *size > 0;
}

Result<std::optional<Bytes>> HttpStream::head() {
  std::optional<atls::Clock::time_point> begun;  // its first byte was there
  for (;;) {
    if (auto size = http::head_size(buffer_)) {
      Bytes out(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(*size));
      buffer_.erase(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(*size));
      return std::optional<Bytes>(std::move(out));
    }
    // Who speaks something else, TLS to begin with, may wait for an answer before it ever ends a line.
    if (!buffer_.empty() && (buffer_[0] < 0x21 || buffer_[0] > 0x7e)) return Error{Errc::malformed, "http: no head of a message"};
    if (buffer_.size() > http::kMaxHead) return Error{Errc::denied, "http: a head of more than 64 KiB"};
    if (!buffer_.empty() && !begun) begun = atls::Clock::now();
    if (begun && atls::Clock::now() - *begun > kHeadTime) return Error{Errc::denied, "http: a head that takes more than 60 s"};
    TRY(bool came, more());
    if (came) continue;
    if (buffer_.empty()) return std::optional<Bytes>();
    return Error{Errc::malformed, "http: the stream ended within a head"};
  }
}

Result<std::optional<http::Head>> HttpStream::request() {
  TRY(std::optional<Bytes> bytes, head());
  if (!bytes) return std::optional<http::Head>();
  TRY(http::Head out, http::parse_request(*bytes));
  return std::optional<http::Head>(std::move(out));
}

Result<http::Head> HttpStream::response() {
  for (;;) {
    TRY(std::optional<Bytes> bytes, head());
    if (!bytes) return Error{Errc::io, "http: no answer"};
    TRY(http::Head out, http::parse_response(*bytes));
    if (out.status >= 200 || out.status == 101) return out;  // what comes before is a notice
  }
}

Status HttpStream::exactly(std::uint64_t size, const Sink& sink) {
  while (size > 0) {
    if (buffer_.empty()) {
      TRY(bool came, more());
      if (!came) return Error{Errc::malformed, "http: the stream ended within a body"};
    }
    std::size_t step = static_cast<std::size_t>(std::min<std::uint64_t>(size, buffer_.size()));
    CHECK_OK(sink(View(buffer_).first(step)));
    buffer_.erase(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(step));
    size -= step;
  }
  return ok();
}

Status HttpStream::chunks(const Sink& sink) {
  for (http::Chunks chunks; !chunks.whole();) {
    if (buffer_.empty()) {
      TRY(bool came, more());
      if (!came) return Error{Errc::malformed, "http: the stream ended within a body"};
    }
    std::string_view rest = as_text(buffer_);
    TRY(std::string_view piece, chunks.next(rest));
    if (!piece.empty()) CHECK_OK(sink(as_view(piece)));
    buffer_.erase(buffer_.begin(), buffer_.end() - static_cast<std::ptrdiff_t>(rest.size()));
  }
  return ok();
}

Status HttpStream::body(const http::Body& body, const Sink& sink) {
  switch (body.kind) {
    case http::Body::Kind::none:
      return ok();
    case http::Body::Kind::length:
      return exactly(body.length, sink);
    case http::Body::Kind::chunked:
      return chunks(sink);
    case http::Body::Kind::until_close:
      break;
  }
  for (;;) {
    if (!buffer_.empty()) CHECK_OK(sink(buffer_));
    buffer_.clear();
    TRY(bool came, more());
    if (!came) return ok();
  }
}

Status HttpStream::write_piece(const http::Body& body, View piece) {
  if (body.kind != http::Body::Kind::chunked) return write(piece);
  if (piece.empty()) return ok();
  char size[24];
  int digits = std::snprintf(size, sizeof size, "%zx\r\n", piece.size());
  Bytes framed(size, size + digits);
  framed.insert(framed.end(), piece.begin(), piece.end());
  framed.insert(framed.end(), {'\r', '\n'});
  return write(framed);
}

Status HttpStream::end_body(const http::Body& body) {
  return body.kind == http::Body::Kind::chunked ? write("0\r\n\r\n") : ok();
}

}  // namespace attest::ctl
