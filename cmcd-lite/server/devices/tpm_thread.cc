#include "cmcd-lite/server/devices/tpm_thread.h"

#include <openssl/rand.h>

#include "cmcd-lite/server/process/named_error.h"
#include "cmcd-lite/server/process/process.h"
#include "evidence/core/crypto.h"
#include "evidence/x509/certificate.h"

namespace attest {
namespace {

Error unavailable(const std::string& why) {
  return {Errc::io, "tpm.unavailable: " + why +
                        " (the daemon tries again by itself; attestctl status shows the state)"};
}

// not_after is the end of a certificate's validity.
Result<UnixTime> not_after(View der) {
  TRY(OwnedX509 certificate, parse_certificate(der));
  return unix_time(X509_get0_notAfter(certificate.get()));
}

}  // namespace

TpmThread::TpmThread(Options options)
    : options_(std::move(options)),
      jobs_(options_.queue),
      tasks_(options_.queue),
      maker_(options_.keyring),
      thread_([this] { work(); }) {}

TpmThread::~TpmThread() {
  {
    std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  if (options_.abandon) {
    std::unique_lock lock(mutex_);
    if (!left_.wait_for(lock, options_.farewell, [this] { return ended_; })) {
      lock.unlock();
      note("daemon.stopping: the TPM does not answer; leaving without it");
      options_.abandon();
    }
  }
  thread_.join();
  fail_waiting({Errc::io, "daemon.stopping: the daemon stops"});
}

// enqueue: what it returns found no place, and is told why.
template <class T>
std::optional<T> TpmThread::enqueue(FairQueue<T>& queue, Source source, T item, Error& why) {
  std::optional<T> displaced;
  {
    std::lock_guard lock(mutex_);
    if (hangs_) {
      why = unavailable(hanging());
      displaced = std::move(item);
    } else {
      displaced = queue.push(source, std::move(item));
    }
  }
  wake_.notify_one();
  return displaced;
}

void TpmThread::attest(AttestJob job) {
  Error why = busy("a quote");
  Source source(job.uid, job.listed);
  if (auto displaced = enqueue(jobs_, source, std::move(job), why)) displaced->done(why);
}

void TpmThread::run(uid_t source, Task task) {
  Error why = busy("the TPM");
  if (auto displaced = enqueue(tasks_, source, std::move(task), why)) (*displaced)(why);
}

// hanging says how long; the lock is held.
std::string TpmThread::hanging() const {
  auto seconds = std::chrono::duration_cast<std::chrono::seconds>(Clock::now() - busy_since_.value_or(Clock::now()));
  return "the TPM has not answered for " + std::to_string(seconds.count()) + " s";
}

void TpmThread::watch() {
  std::vector<AttestJob> jobs;
  std::vector<Task> tasks;
  std::unique_lock lock(mutex_);
  if (stop_ || !busy_since_ || Clock::now() - *busy_since_ < options_.silence) return;
  bool news = !std::exchange(hangs_, true);
  Error why = unavailable(hanging());
  jobs = jobs_.drain(jobs_.size());
  tasks = tasks_.drain(tasks_.size());
  lock.unlock();
  if (news) note(why.what);
  for (AttestJob& job : jobs) job.done(why);
  for (Task& task : tasks) task(why);
}

void TpmThread::retest() {
  {
    std::lock_guard lock(mutex_);
    retest_ = true;
  }
  wake_.notify_one();
}

void TpmThread::refresh() {
  {
    std::lock_guard lock(mutex_);
    refresh_ = true;
  }
  wake_.notify_one();
}

void TpmThread::check() {
  {
    std::lock_guard lock(mutex_);
    check_ = true;
  }
  wake_.notify_one();
}

TpmStatus TpmThread::status() const {
  std::lock_guard lock(mutex_);
  TpmStatus status = shown_;
  status.latency = latency_.summary();
  status.batches = batches_.counts();
  status.queue = jobs_.size() + tasks_.size();
  if (hangs_) {
    status.state = "hanging";
    status.problem = hanging();
  }
  return status;
}

void TpmThread::note(const std::string& text) {
  if (options_.log) options_.log(text);
}

void TpmThread::work() {
  std::unique_lock lock(mutex_);
  while (wait(lock)) {
    bool due = try_due(!jobs_.empty() || !tasks_.empty());
    busy_since_ = Clock::now();
    lock.unlock();
    if (due) open_devices();
    lock.lock();
    busy_since_ = Clock::now();
    serve(lock);
    busy_since_.reset();
    if (std::exchange(hangs_, false)) {
      lock.unlock();
      note("the TPM answers again");
      lock.lock();
    }
  }
  lock.unlock();
  devices_.clear();  // on the thread that opened them
  lock.lock();
  ended_ = true;
  lock.unlock();
  left_.notify_all();
}

// wait returns when there is something to do, false when the thread shall end.
bool TpmThread::wait(std::unique_lock<std::mutex>& lock) {
  auto work_waits = [this] { return stop_ || retest_ || refresh_ || check_ || !jobs_.empty() || !tasks_.empty(); };
  if (open_)
    wake_.wait(lock, work_waits);
  else
    wake_.wait_until(lock, next_try_, work_waits);
  return !stop_;
}

// serve takes one batch and one task: the two kinds of work take turns.
void TpmThread::serve(std::unique_lock<std::mutex>& lock) {
  std::vector<AttestJob> jobs = jobs_.drain(options_.batch);
  std::optional<Task> task = tasks_.pop();
  bool retest = std::exchange(retest_, false);
  bool refresh = std::exchange(refresh_, false);
  bool check = std::exchange(check_, false);
  lock.unlock();
  if (check) check_devices();
  if (!jobs.empty() || (refresh && open_ && !devices_.empty())) serve_batch(jobs);
  jobs.clear();
  if (task) serve_task(*task);
  task.reset();
  if (retest) self_test();
  lock.lock();
}

// try_due: in the background with growing pauses, sooner when somebody asks.
bool TpmThread::try_due(bool work_waits) const {
  if (open_) return false;
  auto now = Clock::now();
  return now >= next_try_ || (work_waits && now >= last_try_ + options_.first_retry);
}

bool TpmThread::open_devices() {
  last_try_ = Clock::now();
  auto opened = options_.open();
  if (!opened) {
    close_devices(opened.error());
    return false;
  }
  devices_ = std::move(*opened);
  open_ = true;
  pause_ = std::chrono::milliseconds(0);
  last_problem_.clear();
  TpmStatus fresh;
  fresh.state = devices_.empty() ? "none" : "ready";
  for (const OpenedDriver& device : devices_) {
    fresh.drivers += (fresh.drivers.empty() ? "" : "+") + std::string(anchor_name(device.driver->kind()));
    if (device.keys && device.driver->kind() == AnchorKind::tpm)
      options_.keys->replace(true, device.keys->list());
  }
  if (!devices_.empty()) {
    fresh.identity = devices_.front().driver->identity().id;
    fresh.algorithm = devices_.front().driver->algorithm();
  }
  {
    std::lock_guard lock(mutex_);
    fresh.quotes = shown_.quotes;
    fresh.handshakes = shown_.handshakes;
    fresh.signatures = shown_.signatures;
    fresh.opened = shown_.opened + 1;
    fresh.certified_until = shown_.certified_until;
    fresh.notice = std::move(shown_.notice);
    shown_ = std::move(fresh);
  }
  note_notices();
  note(devices_.empty() ? "no driver is configured: this machine gives no evidence"
                        : "attestation devices are ready");
  self_test();
  return true;
}

void TpmThread::close_devices(const Error& why) {
  devices_.clear();
  if (options_.keyring != nullptr) options_.keyring->clear();
  open_ = false;
  pause_ = pause_.count() == 0 ? options_.first_retry : std::min(pause_ * 2, options_.last_retry);
  next_try_ = Clock::now() + pause_;
  if (last_problem_ != why.what) note("tpm.unavailable: " + why.what);
  last_problem_ = why.what;
  std::lock_guard lock(mutex_);
  shown_.state = "unavailable";
  shown_.problem = why.what;
}

// self_test makes one quote for nobody: it finds a log that does not explain the PCRs before a handshake
// does, and leaves the logs read and encoded.
void TpmThread::self_test() {
  if (devices_.empty()) return;
  Digest random = Digest::filled(HashAlg::sha256, 0);
  if (RAND_bytes_ex(private_libctx(), random.data(), random.size(), 0) != 1) return;
  std::vector<AttestJob> jobs(1);
  jobs[0].binder = random;
  jobs[0].room = kMaxEvidence;
  jobs[0].tell_files = true;
  std::string problem;
  jobs[0].done = [&](Result<Bytes> evidence) {
    if (!evidence) problem = evidence.error().what;
  };
  if (auto made = maker_.make(jobs, devices_, *options_.state()); !made) problem = made.error().what;
  if (!problem.empty()) note("tpm.self-test: " + problem);
  note_certificate();
  note_notices();
  return_memory();  // reading the logs took more than keeping them
  std::lock_guard lock(mutex_);
  shown_.quotes++;
  shown_.problem = std::move(problem);
}

void TpmThread::check_devices() {
  Keyring* keyring = options_.keyring;
  if (keyring == nullptr) return;
  if (!open_) return keyring->clear();
  for (const OpenedDriver& device : devices_) {
    auto clock = device.driver->clock();
    if (!clock) return keyring->clear();
    keyring->confirm(*clock, moment_now());
  }
}

// note_notices keeps what the devices have to say of their keys, and tells it once.
void TpmThread::note_notices() {
  std::string notices;
  for (const OpenedDriver& device : devices_)
    if (std::string one = device.driver->notice(); !one.empty()) notices += (notices.empty() ? "" : "; ") + one;
  std::unique_lock lock(mutex_);
  if (shown_.notice == notices) return;
  shown_.notice = notices;
  lock.unlock();
  if (!notices.empty()) note(notices);
}

// note_certificate keeps until when the attestation key is certified.
void TpmThread::note_certificate() {
  if (maker_.ak_certificate() == ak_certificate_) return;
  ak_certificate_ = maker_.ak_certificate();
  auto until = not_after(ak_certificate_);
  std::lock_guard lock(mutex_);
  shown_.identity = devices_.front().driver->identity().id;
  shown_.certified_until = until ? std::optional(*until) : std::nullopt;
}

// name_keys names the TPM's keys to handshakes that began before it was open, when nobody knew them.
void TpmThread::name_keys(std::vector<AttestJob>& jobs) const {
  for (AttestJob& job : jobs) {
    if (job.leaf_spki.empty() || job.tls_key) continue;
    auto key = options_.keys->find_spki(job.leaf_spki);
    if (!key || !key->info.in_tpm) continue;
    if (!job.still_granted || !job.still_granted()) {
      job.key_file.clear();
      job.certify_spki = {};
      continue;
    }
    job.tls_key = std::move(key->info);
    job.certify_spki = job.leaf_spki;
  }
}

Status TpmThread::make(std::vector<AttestJob>& jobs) {
  if (devices_.empty())
    return Error{Errc::denied,
                 "tpm.unavailable: no driver is configured on this machine, it gives no evidence"};
  auto state = options_.state();
  if (jobs.empty() && !options_.keyring->epoch_due(*state, moment_now())) return ok();
  auto start = Clock::now();
  name_keys(jobs);
  CHECK_OK(maker_.make(jobs, devices_, *state));
  note_certificate();
  std::lock_guard lock(mutex_);
  latency_.add(Clock::now() - start);
  shown_.quotes++;
  shown_.handshakes += jobs.size();
  batches_.add(jobs.size());
  shown_.problem.clear();
  return ok();
}

// reopen waits a little for a device that went away: a reset or a restart must not cost anybody a handshake.
bool TpmThread::reopen() {
  auto deadline = Clock::now() + options_.patience;
  for (;;) {
    if (open_devices()) return true;
    std::unique_lock lock(mutex_);
    if (Clock::now() >= deadline || stop_) return false;
    wake_.wait_for(lock, std::chrono::milliseconds(100), [this] { return stop_; });
  }
}

void TpmThread::serve_batch(std::vector<AttestJob>& jobs) {
  Status made = open_ ? make(jobs) : Status(unavailable(last_problem_));
  if (!made && open_ && made.error().code == Errc::io) {
    close_devices(made.error());
    made = reopen() ? make(jobs) : Status(unavailable(last_problem_));
    if (!made && open_ && made.error().code == Errc::io) {
      close_devices(made.error());
      made = unavailable(last_problem_);
    }
  }
  if (made) return;
  if (options_.keyring != nullptr) options_.keyring->clear();  // what cannot be quoted now is not what was quoted
  {
    std::lock_guard lock(mutex_);
    shown_.problem = made.error().what;
  }
  for (AttestJob& job : jobs) job.done(made.error());
}

void TpmThread::serve_task(const Task& task) {
  if (!open_) return task(unavailable(last_problem_));
  task(&devices_);
}

void TpmThread::fail_waiting(const Error& error) {
  while (auto job = jobs_.pop()) job->done(error);
  while (auto task = tasks_.pop()) (*task)(error);
}

Result<OpenedDriver*> tpm_device(TpmThread::Devices& devices) {
  for (OpenedDriver& device : devices)
    if (device.driver->kind() == AnchorKind::tpm) return &device;
  return Error{Errc::unsupported,
               "tpm.unavailable: this machine has no TPM configured (\"tpm\" in cmcd.json)"};
}

Result<KeyStore*> tpm_keys(TpmThread::Devices& devices) {
  TRY(OpenedDriver * device, tpm_device(devices));
  if (device->keys) return device->keys.get();
  return Error{Errc::unsupported, "key.unknown: the TPM driver keeps no keys"};
}

}  // namespace attest
