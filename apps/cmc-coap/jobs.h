// jobs.h: calls on their way to the daemon, so that a slow one holds no other up.
#pragma once
#include <functional>
#include <memory>
#include <vector>

#include "cmcd-lite/client/cmc_connection.h"

namespace attest {

// Jobs runs each call on a thread of its own. All functions are of one thread, the one that made it. What still runs when
// this is destroyed ends by its own deadline, and its answer is dropped.
class Jobs {
 public:
  static constexpr std::size_t kMaxWorking = 64;
  using Work = std::function<Result<CmcAnswer>()>;
  // Done is what came of the call that was started with this tag.
  struct Done {
    const void* tag = nullptr;
    Result<CmcAnswer> got;
  };
  // make: io where the system gives no event descriptor.
  static Result<Jobs> make();
  // start: denied while kMaxWorking calls run, io where there is no thread to be had.
  Status start(const void* tag, Work work);
  // fd is lent, and can be read from while there is something to take.
  int fd() const;
  std::vector<Done> take();

 private:
  struct Shared;
  explicit Jobs(std::shared_ptr<Shared> shared) : shared_(std::move(shared)) {}
  std::shared_ptr<Shared> shared_;
};

}  // namespace attest
