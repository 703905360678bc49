#include "cmcd-lite/server/sockets/intake.h"

#include <algorithm>

namespace attest {
namespace {

constexpr std::size_t kStep = 65536;

}  // namespace

void Intake::expect(std::size_t length, View first) {
  payload_.assign(first.begin(), first.end());
  length_ = length;
  filled_ = first.size();
}

Result<std::span<std::uint8_t>> Intake::room() {
  if (filled_ == payload_.size()) {
    std::size_t step = std::min(length_ - filled_, kStep);
    if (!quota_.reserve(source_, step))
      return Error{Errc::io, "daemon.overloaded: too much memory is held by unfinished calls"};
    reserved_ += step;
    payload_.resize(filled_ + step);
  }
  return std::span(payload_).subspan(filled_);
}

}  // namespace attest
