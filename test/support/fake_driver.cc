#include "test/support/fake_driver.h"

#include <chrono>

namespace attest::test {
namespace {

class FakeDriver : public Driver {
 public:
  explicit FakeDriver(FakeDevice& device) : device_(device) {}
  AnchorKind kind() const override { return AnchorKind::sw; }
  AnchorIdentity identity() const override { return {AnchorKind::sw, to_bytes(as_view(kFakeIdentity))}; }
  std::optional<PcrSelection> pcrs() const override { return std::nullopt; }
  std::string algorithm() const override { return "ec-p256"; }
  Result<Anchor> quote(const Digest& qualifying) override {
    CHECK_OK(device_.begin_quote());
    return Anchor(SwAnchor{to_bytes(qualifying.view()), Bytes(64, 1), Bytes(91, 2)});
  }
  Result<const MeasuredLog*> log(const Anchor&) override { return static_cast<const MeasuredLog*>(nullptr); }
  Result<Bytes> raw_log(LogKind) override { return Error{Errc::unsupported, "fake: no logs"}; }

 private:
  FakeDevice& device_;
};

}  // namespace

void FakeDevice::hold() {
  std::lock_guard lock(mutex_);
  held_ = true;
}

void FakeDevice::release() {
  std::lock_guard lock(mutex_);
  held_ = false;
  changed_.notify_all();
}

bool FakeDevice::wait_for_quotes(std::size_t n) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, std::chrono::seconds(2), [&] { return quotes_ >= n; });
}

void FakeDevice::set_broken(bool broken) {
  std::lock_guard lock(mutex_);
  broken_ = broken;
}

std::size_t FakeDevice::quotes() const {
  std::lock_guard lock(mutex_);
  return quotes_;
}

Status FakeDevice::begin_quote() {
  std::unique_lock lock(mutex_);
  if (broken_) return Error{Errc::io, "fake: the device is gone"};
  quotes_++;
  changed_.notify_all();
  changed_.wait(lock, [this] { return !held_; });
  return ok();
}

Result<std::vector<OpenedDriver>> FakeDevice::open() {
  {
    std::lock_guard lock(mutex_);
    if (broken_) return Error{Errc::io, "fake: no device"};
  }
  std::vector<OpenedDriver> drivers;
  drivers.push_back({std::make_unique<FakeDriver>(*this), nullptr, nullptr, nullptr});
  return drivers;
}

}  // namespace attest::test
