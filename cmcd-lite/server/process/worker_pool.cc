#include "cmcd-lite/server/process/worker_pool.h"

#include "cmcd-lite/server/process/named_error.h"

namespace attest {
namespace {

Error stopping() { return {Errc::io, "daemon.stopping: the daemon stops"}; }

}  // namespace

WorkerPool::WorkerPool(std::size_t threads, std::size_t queue) : queue_(queue) {
  for (std::size_t i = 0; i < threads; i++) threads_.emplace_back([this] { work(); });
}

void WorkerPool::stop() {
  {
    std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  for (std::thread& thread : threads_)
    if (thread.joinable()) thread.join();
  while (auto task = queue_.pop()) (*task)(stopping());
}

void WorkerPool::post(Source source, Task task) {
  std::optional<Task> displaced;
  bool late = false;
  {
    std::lock_guard lock(mutex_);
    late = stop_;
    if (!late) displaced = queue_.push(source, std::move(task));
  }
  if (late) return task(stopping());
  wake_.notify_one();
  if (displaced) (*displaced)(busy("a judge"));
}

std::size_t WorkerPool::waiting() const {
  std::lock_guard lock(mutex_);
  return queue_.size();
}

void WorkerPool::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [this] { return stop_ || !queue_.empty(); });
    if (stop_) return;
    auto task = queue_.pop();
    lock.unlock();
    (*task)(ok());
    task.reset();
    lock.lock();
  }
}

}  // namespace attest
