// worker_pool.h: the threads that judge.
#pragma once
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

#include "cmcd-lite/server/process/fair_queue.h"
#include "evidence/core/result.h"

namespace attest {

// WorkerPool runs tasks on a few threads, in turn by their sources. Each task is called exactly
// once: on a worker with ok, or with an error where it found no place ("daemon.overloaded") or the pool
// stops.
class WorkerPool {
 public:
  using Task = std::function<void(Status)>;
  WorkerPool(std::size_t threads, std::size_t queue);
  // The destructor lets running tasks end and fails the waiting ones.
  ~WorkerPool() { stop(); }
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;
  void post(Source source, Task task);
  // stop does what the destructor does; what is posted afterwards fails.
  void stop();
  std::size_t waiting() const;

 private:
  void work();
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  FairQueue<Task> queue_;
  bool stop_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace attest
