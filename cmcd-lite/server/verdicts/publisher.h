// publisher.h: verdicts on their way to those who watch the fleet. The daemon only queues, on disk; `attestctl publish`
// sends, so that the daemon needs no network.
#pragma once
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

#include "cmcd-lite/server/verdicts/verdicts.h"
#include "evidence/cmc/result.h"
#include "evidence/publish/config.h"
#include "evidence/publish/spool.h"

namespace attest {

// Publisher takes verdicts without waiting and writes them to the queues of all targets on a thread of its own. What does not
// fit, in memory or on disk, is counted and named in status. Thread safe.
class Publisher {
 public:
  static constexpr std::size_t kMaxWaitingBytes = 8 << 20;
  explicit Publisher(std::function<void(const std::string&)> log);
  // The destructor writes what waits.
  ~Publisher();
  Publisher(const Publisher&) = delete;
  Publisher& operator=(const Publisher&) = delete;
  // configure changes targets and limits; from the next verdict on.
  void configure(const publish::Config& config);
  // add takes a verdict; one about a report of CMC's with its result as the caller got it.
  void add(const VerdictRecord& record);
  struct Health {
    std::uint64_t queued = 0;  // texts written to queues
    std::uint64_t lost = 0;    // texts or verdicts that found no room
    std::string problem;       // of the last verdicts written; empty where nothing was lost
  };
  Health health() const;

 private:
  struct Waiting {
    std::size_t bytes;
    std::function<cmc::AttestationResult()> result;
    UnixTime when;
  };
  bool idle() const;
  void add(std::shared_ptr<const cmc::AttestationResult> result, UnixTime when);
  void enqueue(Waiting one);
  void work();
  void write(const publish::Config& config, std::vector<Waiting> batch);
  void write_queue(const publish::Config& config, const publish::Target& target, const std::vector<std::string>& texts,
                   std::string& problem);
  std::function<void(const std::string&)> log_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  publish::Config config_;
  std::vector<Waiting> waiting_;
  std::size_t waiting_bytes_ = 0;
  Health health_;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace attest
