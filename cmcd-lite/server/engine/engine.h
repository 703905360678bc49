// engine.h: the parts of the daemon that calls work with.
#pragma once
#include <functional>
#include <mutex>

#include "cmcd-lite/server/devices/key_directory.h"
#include "cmcd-lite/server/devices/tpm_thread.h"
#include "cmcd-lite/server/engine/fleet_board.h"
#include "cmcd-lite/server/freshness/known_keys.h"
#include "cmcd-lite/server/freshness/revoked_keys.h"
#include "cmcd-lite/server/process/elapsed.h"
#include "cmcd-lite/server/process/worker_pool.h"
#include "cmcd-lite/server/sockets/quota.h"
#include "cmcd-lite/server/verdicts/audit.h"
#include "cmcd-lite/server/verdicts/verdicts.h"

namespace attest {

class Publisher;
class ReportMaker;

// StateHolder holds the State in force. Thread safe.
class StateHolder {
 public:
  explicit StateHolder(std::shared_ptr<const State> state) : state_(std::move(state)) {}
  std::shared_ptr<const State> get() const {
    std::lock_guard lock(mutex_);
    return state_;
  }
  void set(std::shared_ptr<const State> state) {
    std::lock_guard lock(mutex_);
    state_.swap(state);
  }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const State> state_;
};

// FileKeys are the keys kept in files: any thread may use them, one at a time.
class FileKeys {
 public:
  explicit FileKeys(std::unique_ptr<KeyStore> store) : store_(std::move(store)) {}
  // use calls f with the store; unsupported if there is none.
  template <class F>
  auto use(F&& f) -> decltype(f(std::declval<KeyStore&>())) {
    std::lock_guard lock(mutex_);
    if (!store_) return Error{Errc::unsupported, "key.unknown: this daemon keeps no keys in files"};
    return f(*store_);
  }

 private:
  std::mutex mutex_;
  std::unique_ptr<KeyStore> store_;
};

// Engine is lent to the call handlers. Members are used from any thread, as their own comments allow.
struct Engine {
  StateHolder& state;
  TpmThread& tpm;
  WorkerPool& workers;
  Verdicts& verdicts;
  KeyDirectory& keys;
  FileKeys& file_keys;
  RevokedKeys& revoked;
  Audit& audit;
  Keyring& keyring;
  KnownKeys& known;
  Epochs& epochs;
  Quota& quota;  // of the loop's thread alone
  // reload reads the configuration again and puts it in force; the answer names what needs a restart.
  std::function<void(std::function<void(Result<std::string>)>)> reload;
  Moment started;
  Publisher* publisher = nullptr;  // where verdicts are told; null: nowhere
  ReportMaker* reports = nullptr;  // of the TPM's thread alone
  WorkerPool* fetches = nullptr;  // for parts of reports that others than the devices give; ends before the TPM's thread
  WorkerPool* enrolments = nullptr;  // for what waits for servers that certify keys; ends before the TPM's thread
  FleetBoard fleet_board{};  // certificates that servers of a fleet issue
  std::function<UnixTime()> clock = wall_clock_now;  // of verdicts about CMC's reports
  std::function<void(const std::string&)> log = [](const std::string&) {};  // the daemon's own log
};

}  // namespace attest
