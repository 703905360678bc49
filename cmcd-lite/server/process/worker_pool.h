// worker_pool.h: the threads that judge, and that run the loop in turn.
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
// lead gives the pool the daemon's loop. A task that is posted from a handler of the loop while nothing waits and a worker
// is free is done by the thread that ran the handler, once the handler has returned, and a worker runs the loop from then
// on: nobody has to wake up before the task begins. One thread at a time runs the loop, each after the one before.
class WorkerPool {
 public:
  using Task = std::function<void(Status)>;
  // Step runs one handler of the loop, waiting for it; false once the loop has ended.
  using Step = std::function<bool()>;
  WorkerPool(std::size_t threads, std::size_t queue);
  // The destructor lets running tasks end and fails the waiting ones.
  ~WorkerPool() { stop(); }
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;
  void post(Source source, Task task);
  // lead runs the loop until it ends, on this thread and the workers, and gives this thread to the pool meanwhile. On return
  // nobody runs the loop any more. Once.
  void lead(Step step);
  // stop does what the destructor does; what is posted afterwards fails.
  void stop();
  std::size_t waiting() const;

 private:
  enum class Loop : std::uint8_t { none, free, led, ended };
  void work(bool guest);
  void run_loop(std::unique_lock<std::mutex>& lock);
  bool own(Source source, Task& task);
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  FairQueue<Task> queue_;
  bool stop_ = false;
  Step step_;
  Loop loop_ = Loop::none;  // free: who wakes up next runs it, before anything else
  std::thread::id leader_;
  std::size_t idle_ = 0;
  std::optional<std::pair<Source, Task>> next_;  // of the thread that runs the loop: what it does next
  std::vector<std::thread> threads_;
};

}  // namespace attest
