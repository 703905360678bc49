// fake_driver.h: a driver without a device, for tests of what stands above drivers.
#pragma once
#include <condition_variable>
#include <mutex>

#include "drivers/table.h"

namespace attest::test {

// FakeDevice is shared between a test and the drivers it hands out: it counts quotes, holds them back,
// breaks.
class FakeDevice {
 public:
  // hold keeps every further quote waiting until release.
  void hold();
  void release();
  // wait_for_quotes waits until n quotes have begun; false after two seconds.
  bool wait_for_quotes(std::size_t n);
  void set_broken(bool broken);
  std::size_t quotes() const;
  // open gives a driver set as the daemon wants it: one software anchor; io while the device is broken.
  Result<std::vector<OpenedDriver>> open();
  // begin_quote is what the driver calls.
  Status begin_quote();

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool held_ = false;
  bool broken_ = false;
  std::size_t quotes_ = 0;
};

// The fake's statement is the qualifying data itself, so that a test can compare it.
inline constexpr std::string_view kFakeIdentity = "0123456789abcdef0123456789abcdef";

}  // namespace attest::test
