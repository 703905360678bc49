// daemon.h: one cmcd-lite, put together.
#pragma once
#include <asio/signal_set.hpp>
#include <asio/steady_timer.hpp>

#include "cmcd-lite/server/calls.h"
#include "cmcd-lite/server/cmc/api/api.h"
#include "cmcd-lite/server/cmc/api/listener.h"
#include "cmcd-lite/server/sockets/listener.h"
#include "cmcd-lite/server/verdicts/publisher.h"
#include "evidence/core/fd.h"

namespace attest {

// Daemon serves until stop. It owns the event loop, the thread of the TPM and the judges, who run the loop in turn with
// run's thread: "the loop's thread" is whoever runs it now.
class Daemon {
 public:
  struct Options {
    std::string config;                           // path of cmcd.json
    std::function<void(const std::string&)> log;  // one line of text; from any thread
    OpenDrivers open;                             // empty: the configured rows of the driver table
    std::function<void()> abandon;                // ends the process where a hanging TPM would keep it; empty: the end waits
    std::function<UnixTime()> clock{};            // of verdicts about CMC's reports; empty: the wall clock
    bool signals = false;                         // SIGTERM and SIGINT stop, SIGHUP reloads
  };
  // make reads the configuration, locks the state folder and listens. The TPM is opened in the background.
  static Result<std::unique_ptr<Daemon>> make(Options options);
  ~Daemon();
  // run serves on this thread until stop() is called from another one or a signal comes.
  void run();
  void stop();
  // reload reads configuration, policies and metadata again and puts all of it in force, or nothing; done
  // gets a note of what needs a restart. Any thread.
  void reload(std::function<void(Result<std::string>)> done);
  std::shared_ptr<const State> state() const { return state_.get(); }
  TpmStatus tpm_status() const { return tpm_->status(); }

 private:
  Daemon(Options options, std::shared_ptr<const State> state, OwnedFd lock);
  Status start();
  Status listen(const std::shared_ptr<const State>& state);
  OpenDrivers table_drivers() const;
  Result<std::string> apply(const std::shared_ptr<const State>& fresh);
  void open_audit(const State& state);
  void wait_for_signal();
  void keep_house();
  void note(const std::string& text) const;

  Options options_;
  OwnedFd lock_;
  Quota quota_{{}};
  asio::io_context io_{1};
  asio::signal_set signals_{io_};
  StateHolder state_;
  Audit audit_;
  std::unique_ptr<Publisher> publisher_;
  std::unique_ptr<Verdicts> verdicts_;
  KeyDirectory keys_;
  std::unique_ptr<FileKeys> file_keys_;
  RevokedKeys revoked_;
  Epochs epochs_;
  KnownKeys known_;
  std::unique_ptr<Keyring> keyring_;
  asio::steady_timer housekeeping_{io_};
  std::mutex reload_mutex_;
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<CmcApi> cmc_;
  std::unique_ptr<WorkerPool> workers_;
  std::unique_ptr<WorkerPool> fetches_;
  std::unique_ptr<TpmThread> tpm_;
  std::unique_ptr<Listeners> listeners_;
  std::unique_ptr<CmcListeners> cmc_listeners_;
};

}  // namespace attest
