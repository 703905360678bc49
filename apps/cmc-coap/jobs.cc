#include "apps/cmc-coap/jobs.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

#include "evidence/core/fd.h"

namespace attest {

struct Jobs::Shared {
  OwnedFd event;
  std::mutex mutex;
  std::size_t working = 0;
  std::vector<Done> done;
};

namespace {

// ring wakes whoever waits for the descriptor.
void ring(int event) {
  std::uint64_t one = 1;
  while (::write(event, &one, sizeof one) < 0 && errno == EINTR) {
  }
}

}  // namespace

Result<Jobs> Jobs::make() {
  auto shared = std::make_shared<Shared>();
  shared->event = OwnedFd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!shared->event) return Error{Errc::io, "no event descriptor"};
  return Jobs(std::move(shared));
}

Status Jobs::start(const void* tag, Work work) {
  {
    std::lock_guard lock(shared_->mutex);
    if (shared_->working >= kMaxWorking) return Error{Errc::denied, "too many calls at once"};
    shared_->working++;
  }
  try {
    std::thread([shared = shared_, tag, work = std::move(work)] {
      auto got = work();
      std::lock_guard lock(shared->mutex);
      shared->working--;
      shared->done.push_back({tag, std::move(got)});
      ring(shared->event.get());
    }).detach();
  } catch (const std::system_error&) {
    std::lock_guard lock(shared_->mutex);
    shared_->working--;
    return Error{Errc::io, "no thread for this call"};
  }
  return ok();
}

int Jobs::fd() const { return shared_->event.get(); }

std::vector<Jobs::Done> Jobs::take() {
  std::uint64_t count = 0;
  [[maybe_unused]] ssize_t read = ::read(fd(), &count, sizeof count);
  std::lock_guard lock(shared_->mutex);
  return std::exchange(shared_->done, {});
}

}  // namespace attest
