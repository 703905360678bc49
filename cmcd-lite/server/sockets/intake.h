// intake.h: the payload of a call while it arrives.
#pragma once
#include <span>

#include "cmcd-lite/server/sockets/quota.h"
#include "evidence/core/bytes.h"
#include "evidence/core/result.h"

namespace attest {

// Intake grows in steps with what arrives, not with what is claimed, and has each step counted under its sender before it
// takes the memory. What was counted is given back by release or with the Intake. Of the loop's thread alone.
class Intake {
 public:
  Intake(Quota& quota, uid_t source) : quota_(quota), source_(source) {}
  ~Intake() { release(); }
  Intake(const Intake&) = delete;
  Intake& operator=(const Intake&) = delete;

  // expect begins a payload of this length; `first` of it, at most all, are here.
  void expect(std::size_t length, View first = {});
  bool complete() const { return filled_ == length_; }
  // room is where the next bytes go, never empty before the payload is complete; io "daemon.overloaded" where the quota
  // has none.
  Result<std::span<std::uint8_t>> room();
  void arrived(std::size_t bytes) { filled_ += bytes; }
  View view() const { return payload_; }
  // take hands the complete payload over; it stays counted.
  Bytes take() { return std::exchange(payload_, Bytes()); }
  void release() { quota_.release(source_, std::exchange(reserved_, 0)); }

 private:
  Quota& quota_;
  uid_t source_;
  Bytes payload_;
  std::size_t length_ = 0;
  std::size_t filled_ = 0;
  std::size_t reserved_ = 0;
};

}  // namespace attest
