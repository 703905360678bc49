// link_relay.cc: bytes both ways over a connection whose peer goes on proving itself.
#include <cerrno>
#include <cstring>

#include "apps/attestctl/atls/channel.h"
#include "apps/attestctl/atls/non_blocking.h"

namespace attest::ctl {
namespace {

using Until = atls::Links::Until;

bool may_go_on(ssize_t size) { return size >= 0 || errno == EAGAIN || errno == EINTR; }

// LinkRelay takes no more from the peer than the program takes, and keeps the watch whoever is slow.
class LinkRelay {
 public:
  LinkRelay(int in, int out, atls::Links& links) : in_(in), out_(out), links_(links) {}
  Status run() {
    NonBlocking quiet(out_);
    while (pending() || !links_.over()) {
      atls::FramePipe::Local local{reading_ ? in_ : -1, pending() ? out_ : -1};
      TRY(auto ready, links_.wait(local, pending() ? Until::local : Until::data));
      if (ready.in) CHECK_OK(carry_up());
      if (!pending() && ready.data) CHECK_OK(take_down());
      if (pending()) CHECK_OK(carry_down());
    }
    return ok();
  }

 private:
  bool pending() const { return begin_ < end_; }
  // carry_up: the end of the program's data is told to the peer, which may go on.
  Status carry_up() {
    ssize_t size = ::read(in_, buffer_.data(), buffer_.size());
    if (!may_go_on(size)) return Error{Errc::io, std::string("read: ") + std::strerror(errno)};
    reading_ = size != 0;
    if (size == 0) return links_.end();
    return size < 0 ? ok() : links_.write(View(buffer_).first(static_cast<std::size_t>(size)));
  }
  Status take_down() {
    begin_ = 0;
    TRY(end_, links_.read(down_));
    return ok();
  }
  Status carry_down() {
    ssize_t size = ::write(out_, down_.data() + begin_, end_ - begin_);
    if (!may_go_on(size)) return Error{Errc::io, std::string("write: ") + std::strerror(errno)};
    if (size > 0) begin_ += static_cast<std::size_t>(size);
    return ok();
  }

  int in_, out_;
  atls::Links& links_;
  Bytes buffer_ = Bytes(64 << 10), down_ = Bytes(64 << 10);
  std::size_t begin_ = 0, end_ = 0;
  bool reading_ = true;
};

}  // namespace

Status relay(int in, int out, AttestedChannel& channel) {
  if (channel.links() != nullptr) return LinkRelay(in, out, *channel.links()).run();
  return relay_plain(in, out, channel.ssl());
}

}  // namespace attest::ctl
