// tpm_thread.h: the one thread that owns the devices.
#pragma once
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "cmcd-lite/server/devices/batch.h"
#include "cmcd-lite/server/devices/batch_sizes.h"
#include "cmcd-lite/server/devices/key_directory.h"
#include "cmcd-lite/server/process/fair_queue.h"
#include "cmcd-lite/server/process/latency.h"

namespace attest {

// OpenDrivers opens every configured device, in the order of the driver table; called on the owning thread.
using OpenDrivers = std::function<Result<std::vector<OpenedDriver>>()>;
using CurrentState = std::function<std::shared_ptr<const State>()>;

// TpmStatus is what status shows of the devices.
struct TpmStatus {
  std::string state = "starting";  // starting, ready, unavailable, hanging, none
  std::string problem;             // why it is unavailable, or what the last self-test found
  std::string notice;              // what to know of the attestation key: Driver::notice
  std::string drivers;             // "tpm", "tpm+sw"
  std::string algorithm;
  Bytes identity;  // of the first anchor: the AK name for a TPM
  std::optional<UnixTime> certified_until;
  std::uint64_t quotes = 0;
  std::uint64_t handshakes = 0;  // evidence handed out
  std::uint64_t opened = 0;      // times the devices were opened
  std::uint64_t signatures = 0;
  Latency::Summary latency;  // of quotes, log included
  BatchSizes::Counts batches{};
  std::size_t queue = 0;
};

// TpmThread serves evidence and key operations. Whatever waits for evidence when the devices are free is one
// batch; key operations take turns with batches, one for one, and with one another by uid. It starts without
// the devices, says so and tries again in the background; a device that fails in mid-batch is opened again
// once.
class TpmThread {
 public:
  struct Options {
    OpenDrivers open;
    CurrentState state;
    KeyDirectory* keys = nullptr;
    Keyring* keyring = nullptr;  // outlives the thread; nullptr: no short-lived keys
    std::size_t queue = 4096;
    std::size_t batch = kMaxBatch;
    std::function<void(const std::string&)> log;
    std::chrono::milliseconds first_retry{1000};
    std::chrono::milliseconds last_retry{30000};
    std::chrono::milliseconds patience{2000};  // how long a batch waits for a device that went away
    std::chrono::milliseconds silence{10000};  // after which a device that works on something counts as hanging
    std::chrono::milliseconds farewell{10000};  // how long the end waits for it
    std::function<void()> abandon;  // ends the process where a hanging device would keep the thread; empty: the end waits
  };
  using Devices = std::vector<OpenedDriver>;
  // Task gets the open devices, or an error: "tpm.unavailable", "daemon.overloaded". Called exactly once, on
  // this thread or, where it found no place, on the caller's.
  using Task = std::function<void(Result<Devices*>)>;

  explicit TpmThread(Options options);
  // The destructor ends what runs and fails what waits. A device that does not come back is left to options.abandon.
  ~TpmThread();
  TpmThread(const TpmThread&) = delete;
  TpmThread& operator=(const TpmThread&) = delete;

  // attest queues a job; a job that finds no place is answered at once with "daemon.overloaded".
  void attest(AttestJob job);
  void run(uid_t source, Task task);
  // retest repeats the self-test soon: what handshakes will meet has changed (metadata, the AK's certificate).
  void retest();
  // refresh makes a quote soon if an Epoch ID is due.
  void refresh();
  // check asks the devices soon whether they were reset; short-lived keys end if they were or do not answer.
  void check();
  // watch is called every second or so. While the device hangs whatever waits fails, as does what comes: "tpm.unavailable",
  // and status says "hanging". The call the device hangs in is left to the deadline of its caller.
  void watch();
  TpmStatus status() const;

 private:
  using Clock = std::chrono::steady_clock;
  template <class T>
  std::optional<T> enqueue(FairQueue<T>& queue, Source source, T item, Error& why);
  void work();
  bool wait(std::unique_lock<std::mutex>& lock);
  void serve(std::unique_lock<std::mutex>& lock);
  bool try_due(bool work_waits) const;
  bool open_devices();
  bool reopen();
  void close_devices(const Error& why);
  void self_test();
  void check_devices();
  Status make(std::vector<AttestJob>& jobs);
  void serve_batch(std::vector<AttestJob>& jobs);
  void serve_task(const Task& task);
  void fail_waiting(const Error& error);
  std::string hanging() const;
  void note_certificate();
  void note_notices();
  void name_keys(std::vector<AttestJob>& jobs) const;
  void note(const std::string& text);

  Options options_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable left_;  // ended_ was set
  bool stop_ = false;
  bool retest_ = false;
  bool refresh_ = false;
  bool check_ = false;
  bool hangs_ = false;
  bool ended_ = false;                           // the thread touches no device any more
  std::optional<Clock::time_point> busy_since_;  // the thread is with the device
  FairQueue<AttestJob> jobs_;
  FairQueue<Task> tasks_;
  TpmStatus shown_;
  Latency latency_;
  BatchSizes batches_;
  // Of the thread alone:
  Devices devices_;
  bool open_ = false;
  Clock::time_point last_try_{};
  Clock::time_point next_try_{};
  std::chrono::milliseconds pause_{0};
  std::string last_problem_;
  Bytes ak_certificate_;
  BatchMaker maker_;
  std::thread thread_;
};

// tpm_keys lends the TPM's key store; unsupported without a TPM.
Result<KeyStore*> tpm_keys(TpmThread::Devices& devices);
// tpm_device finds the opened TPM; unsupported without one.
Result<OpenedDriver*> tpm_device(TpmThread::Devices& devices);

}  // namespace attest
