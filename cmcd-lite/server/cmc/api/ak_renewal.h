// ak_renewal.h: the attestation key's certificate from a CMC fleet, without anybody asking.
#pragma once
#include <atomic>
#include <chrono>

#include "cmcd-lite/server/engine/engine.h"
#include "evidence/core/time.h"

namespace attest {

// AkRenewal has the attestation key certified where "automatic" of "endorse" says so: when it has no certificate, and two
// weeks before its certificate ends or in the last third of a short life. It looks every hour, after a success a day later,
// sooner where another one is due sooner; what failed is tried again, at first after seconds. What came of it stands on the
// engine's fleet board.
class AkRenewal {
 public:
  explicit AkRenewal(Engine& engine) : engine_(engine) {}
  // poll is called every second or so and does not block; of the loop's thread. The work goes to the engine's thread of
  // enrolments, which has to end before this does.
  void poll();

 private:
  using Clock = std::chrono::steady_clock;
  void look(const State& state);
  Result<bool> due();
  std::chrono::seconds rest_after(bool renewed) const;
  Engine& engine_;
  std::atomic<bool> busy_ = false;
  bool on_ = false;  // of the loop's thread
  // Of the loop's thread, and of the look in work while busy_ is set:
  Clock::time_point next_{};
  std::chrono::seconds pause_{0};
  UnixTime renewal_ = 0;  // when another certificate is due
  std::string last_problem_;
};

}  // namespace attest
