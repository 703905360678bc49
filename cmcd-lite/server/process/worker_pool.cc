#include "cmcd-lite/server/process/worker_pool.h"

#include "cmcd-lite/server/process/named_error.h"

namespace attest {
namespace {

Error stopping() { return {Errc::io, "daemon.stopping: the daemon stops"}; }

}  // namespace

WorkerPool::WorkerPool(std::size_t threads, std::size_t queue) : queue_(queue) {
  for (std::size_t i = 0; i < threads; i++) threads_.emplace_back([this] { work(false); });
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

// own: the loop's thread does this task itself; the lock is held.
bool WorkerPool::own(Source source, Task& task) {
  if (loop_ != Loop::led || leader_ != std::this_thread::get_id() || next_ || idle_ == 0 || !queue_.empty()) return false;
  next_.emplace(source, std::move(task));
  return true;
}

void WorkerPool::post(Source source, Task task) {
  std::optional<Task> displaced;
  bool late = false;
  {
    std::lock_guard lock(mutex_);
    late = stop_;
    if (!late && own(source, task)) return;
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

void WorkerPool::lead(Step step) {
  {
    std::lock_guard lock(mutex_);
    step_ = std::move(step);
    loop_ = Loop::free;
  }
  work(true);
}

// run_loop runs the loop until it ends or gives this thread a task, which is done with the loop in other hands; the lock is
// held. Where nobody is free any more to take the loop over, the loop goes on and the task waits with the others.
void WorkerPool::run_loop(std::unique_lock<std::mutex>& lock) {
  loop_ = Loop::led;
  leader_ = std::this_thread::get_id();
  std::optional<std::pair<Source, Task>> task;
  bool goes_on = true;
  for (;;) {
    lock.unlock();
    while (goes_on && !next_) goes_on = step_();  // next_ is set on this thread alone
    lock.lock();
    task = std::exchange(next_, std::nullopt);
    if (!goes_on || idle_ > 0) break;
    auto displaced = queue_.push(task->first, std::move(task->second));
    if (!displaced) continue;
    lock.unlock();
    (*displaced)(busy("a judge"));
    lock.lock();
  }
  leader_ = {};
  loop_ = goes_on ? Loop::free : Loop::ended;
  goes_on ? wake_.notify_one() : wake_.notify_all();
  if (!task) return;
  lock.unlock();
  task->second(ok());
  task.reset();
  lock.lock();
}

// work: the guest is the thread that brought the loop; it stays until the loop has ended.
void WorkerPool::work(bool guest) {
  std::unique_lock lock(mutex_);
  for (;;) {
    bool leave = false;
    idle_++;
    wake_.wait(lock, [&] {
      leave = guest ? loop_ == Loop::ended : stop_;
      return leave || loop_ == Loop::free || !queue_.empty();
    });
    idle_--;
    if (leave) return;
    if (loop_ == Loop::free) {
      run_loop(lock);
      continue;
    }
    auto task = queue_.pop();
    lock.unlock();
    (*task)(ok());
    task.reset();
    lock.lock();
  }
}

}  // namespace attest
