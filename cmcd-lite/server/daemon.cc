#include "cmcd-lite/server/daemon.h"

#include <asio/post.hpp>
#include <csignal>

#include "cmcd-lite/server/devices/td_quotes.h"
#include "cmcd-lite/server/process/notify.h"
#include "cmcd-lite/server/process/process.h"
#include "drivers/sw/sw_keys.h"

namespace attest {
namespace {

namespace fs = std::filesystem;
constexpr std::size_t kFetchThreads = 2;

bool same_tpm(const std::optional<TpmDriverConfig>& a, const std::optional<TpmDriverConfig>& b) {
  if (!a || !b) return a.has_value() == b.has_value();
  return a->tcti == b->tcti && a->ak_handle == b->ak_handle && a->ak_algorithm == b->ak_algorithm &&
         a->pcrs == b->pcrs && a->event_log == b->event_log && a->ima_list == b->ima_list &&
         a->ak_chain == b->ak_chain && a->platform_ak == b->platform_ak && a->containers == b->containers;
}

bool same_sw(const std::optional<SwDriverConfig>& a, const std::optional<SwDriverConfig>& b) {
  if (!a || !b) return a.has_value() == b.has_value();
  return a->key == b->key;
}

bool same_snp(const std::optional<SnpDriverConfig>& a, const std::optional<SnpDriverConfig>& b) {
  if (!a || !b) return a.has_value() == b.has_value();
  return a->root == b->root && a->privlevel == b->privlevel && a->certificates == b->certificates;
}

bool same_tdx(const std::optional<TdxDriverConfig>& a, const std::optional<TdxDriverConfig>& b) {
  if (!a || !b) return a.has_value() == b.has_value();
  return a->root == b->root && a->event_log == b->event_log;
}

bool same_sgx(const std::optional<SgxDriverConfig>& a, const std::optional<SgxDriverConfig>& b) {
  if (!a || !b) return a.has_value() == b.has_value();
  return a->root == b->root;
}

bool same_azure(const std::optional<AzureDriverConfig>& a, const std::optional<AzureDriverConfig>& b) {
  if (!a || !b) return a.has_value() == b.has_value();
  return a->tcti == b->tcti && a->certificates == b->certificates && a->td_quote == b->td_quote && a->quote_service == b->quote_service;
}

// restart_note names what a reload cannot change.
std::string restart_note(const Config& old, const Config& fresh) {
  std::string parts;
  auto add = [&](bool same, const char* what) {
    if (!same) parts += (parts.empty() ? "" : ", ") + std::string(what);
  };
  add(old.state_dir == fresh.state_dir, "state_dir");
  add(same_tpm(old.drivers.tpm, fresh.drivers.tpm), "tpm");
  add(same_sw(old.drivers.sw, fresh.drivers.sw), "sw");
  add(same_snp(old.drivers.snp, fresh.drivers.snp), "snp");
  add(old.limits.key_seconds == fresh.limits.key_seconds, "limits.key_seconds");
  add(same_tdx(old.drivers.tdx, fresh.drivers.tdx), "tdx");
  add(same_sgx(old.drivers.sgx, fresh.drivers.sgx), "sgx");
  add(same_azure(old.drivers.azure, fresh.drivers.azure), "azure");
  add(old.cmc.containers == fresh.cmc.containers, "cmc.containers");
  add(old.limits.queue == fresh.limits.queue, "limits.queue");
  add(old.limits.batch == fresh.limits.batch, "limits.batch");
  add(old.limits.judge_threads == fresh.limits.judge_threads, "limits.judge_threads");
  return parts.empty() ? "" : "takes effect after a restart: " + parts;
}

Result<std::vector<OpenedDriver>> open_configured(DriverConfig config) {
  if (config.azure && !config.azure->quote_service.empty()) {
    TRY(config.azure->quote_td, td_quote_service(config.azure->quote_service));
  }
  std::vector<OpenedDriver> opened;
  for (const DriverRow& row : driver_table()) {
    if (!row.configured(config)) continue;
    TRY(OpenedDriver driver, row.open(config));
    opened.push_back(std::move(driver));
  }
  return opened;
}

}  // namespace

Result<std::unique_ptr<Daemon>> Daemon::make(Options options) {
  TRY(auto state, load_state(options.config, wall_clock_now()));
  std::error_code error;
  fs::create_directories(state->config.state_dir, error);
  TRY(OwnedFd lock, lock_folder(state->config.state_dir));
  std::unique_ptr<Daemon> daemon(new Daemon(std::move(options), std::move(state), std::move(lock)));
  CHECK_OK(daemon->start());
  return daemon;
}

Daemon::Daemon(Options options, std::shared_ptr<const State> state, OwnedFd lock)
    : options_(std::move(options)), lock_(std::move(lock)), state_(std::move(state)) {}

Daemon::~Daemon() {
  cmc_listeners_.reset();
  listeners_.reset();
  if (cmc_) cmc_->stop();          // waits for the TPM
  if (fetches_) fetches_->stop();
  if (workers_) workers_->stop();  // they hand work to the TPM's thread, which may still hand work to them
  tpm_.reset();                    // joins: no callback comes after this
  workers_.reset();
}

OpenDrivers Daemon::table_drivers() const {
  return [config = state_.get()->config.drivers] { return open_configured(config); };
}

Status Daemon::start() {
  auto state = state_.get();
  const Limits& limits = state->config.limits;
  CHECK_OK(remember_list(*state));
  for (const std::string& warning : state->warnings) note(warning);
  open_audit(*state);
  verdicts_ = std::make_unique<Verdicts>(limits.verdicts, audit_);
  publisher_ = std::make_unique<Publisher>([this](const std::string& text) { note(text); });
  publisher_->configure(state->config.publish);
  verdicts_->tell([this](const VerdictRecord& record) { publisher_->add(record); });
  CHECK_OK(revoked_.open(state->config.state_dir / "keys/revoked"));
  TRY(auto file_keys, SwKeyStore::open(state->config.state_dir / "keys"));
  keys_.replace(false, file_keys->list());
  file_keys_ = std::make_unique<FileKeys>(std::move(file_keys));
  workers_ = std::make_unique<WorkerPool>(limits.judge_threads, limits.queue);
  epochs_.open(state->config.state_dir / "epochs", [this](const std::string& text) { note(text); });
  epochs_.poll(state->epochs, wall_clock_now());
  const auto& device = state->config.drivers.tpm;
  Keyring::Limits life;
  life.life_ms = limits.key_seconds * 1000;
  keyring_ = std::make_unique<Keyring>(MeasurementCount(device ? device->ima_list : fs::path()), epochs_, life);
  TpmThread::Options tpm;
  tpm.keyring = keyring_.get();
  tpm.open = options_.open ? options_.open : table_drivers();
  tpm.state = [this] { return state_.get(); };
  tpm.keys = &keys_;
  tpm.queue = limits.queue;
  tpm.batch = limits.batch;
  tpm.log = [this](const std::string& text) { note(text); };
  tpm.abandon = options_.abandon;
  tpm_ = std::make_unique<TpmThread>(std::move(tpm));
  engine_.reset(new Engine{state_, *tpm_, *workers_, *verdicts_, keys_, *file_keys_, revoked_, audit_,
                           *keyring_, known_, epochs_, quota_,
                           [this](auto done) { reload(std::move(done)); }, moment_now()});
  fetches_ = std::make_unique<WorkerPool>(kFetchThreads, limits.queue);
  engine_->fetches = fetches_.get();
  engine_->publisher = publisher_.get();
  if (options_.clock) engine_->clock = options_.clock;
  engine_->log = [this](const std::string& text) { note(text); };
  listeners_ = std::make_unique<Listeners>(io_, quota_, [this](Call call, Reply reply) {
    serve_call(*engine_, std::move(call), std::move(reply));
  });
  cmc_ = std::make_unique<CmcApi>(*engine_);
  engine_->reports = cmc_->reports();
  engine_->enrolments = cmc_->enrolments();
  CHECK_OK(cmc_->open(state->config));
  cmc_listeners_ = std::make_unique<CmcListeners>(
      io_, quota_, [this](CmcCall call, CmcReply reply) { cmc_->serve(std::move(call), std::move(reply)); });
  return listen(state);
}

// listen serves what the configuration names, or goes back to what was served before.
Status Daemon::listen(const std::shared_ptr<const State>& state) {
  CHECK_OK(listeners_->apply(state));
  if (auto opened = cmc_listeners_->apply(state); !opened) {
    static_cast<void>(listeners_->apply(state_.get()));
    return opened;
  }
  for (const std::string& address : cmc_listeners_->tcp_addresses()) note("CMC's API is served on tcp://" + address);
  return ok();
}

void Daemon::run() {
  if (options_.signals) {
    for (int signal : {SIGTERM, SIGINT, SIGHUP}) signals_.add(signal);
    wait_for_signal();
  }
  keep_house();
  if (auto told = notify_manager("READY=1\nSTATUS=serving\n"); !told) note(told.error().what);
  auto forever = asio::make_work_guard(io_);
  workers_->lead([this] { return io_.run_one() != 0; });
  static_cast<void>(notify_manager("STOPPING=1\n"));
}

void Daemon::stop() { io_.stop(); }

void Daemon::wait_for_signal() {
  signals_.async_wait([this](const asio::error_code& code, int signal) {
    if (code) return;
    if (signal != SIGHUP) return stop();
    std::string reloading =
        "RELOADING=1\nMONOTONIC_USEC=" + std::to_string(clock_ms(CLOCK_MONOTONIC) * 1000) + "\n";
    static_cast<void>(notify_manager(reloading));
    reload([](const Result<std::string>&) { static_cast<void>(notify_manager("READY=1\n")); });
    wait_for_signal();
  });
}

// keep_house: once a second what has expired goes, new Epoch IDs are read, and the TPM is asked whether it is still the
// one that quoted.
void Daemon::keep_house() {
  keyring_->sweep(moment_now());
  tpm_->watch();
  if (!keyring_->empty()) tpm_->check();
  cmc_->poll();
  auto state = state_.get();
  if (epochs_.poll(state->epochs, wall_clock_now())) tpm_->refresh();
  housekeeping_.expires_after(std::chrono::seconds(1));
  housekeeping_.async_wait([this](const asio::error_code& code) {
    if (!code) keep_house();
  });
}

void Daemon::open_audit(const State& state) {
  if (auto opened = audit_.open(state.config.audit_log); !opened) note(opened.error().what);
}

Result<std::string> Daemon::apply(const std::shared_ptr<const State>& fresh) {
  CHECK_OK(remember_list(*fresh));
  CHECK_OK(listen(fresh));
  open_audit(*fresh);
  verdicts_->set_keep(fresh->config.limits.verdicts);
  publisher_->configure(fresh->config.publish);
  std::string restart = restart_note(state_.get()->config, fresh->config);
  state_.set(fresh);
  for (const std::string& warning : fresh->warnings) note(warning);
  tpm_->retest();
  note("configuration, policies and metadata reloaded" + (restart.empty() ? "" : "; " + restart));
  return restart;
}

void Daemon::reload(std::function<void(Result<std::string>)> done) {
  workers_->post(geteuid(), [this, done = std::move(done)](Status go) {
    auto refused = [&](const Error& error) {
      note("reload refused, the former configuration stays: " + error.what);
      done(error);
    };
    if (!go) return refused(go.error());
    std::lock_guard lock(reload_mutex_);  // one after the other, so that the newest reading wins
    auto fresh = load_state(options_.config, wall_clock_now());
    if (!fresh) return refused({fresh.error().code, "config.bad: " + fresh.error().what});
    asio::post(io_, [this, done, state = std::move(*fresh)] {
      auto applied = apply(state);
      if (!applied) note("reload refused, the former configuration stays: " + applied.error().what);
      done(std::move(applied));
      workers_->post(geteuid(), [](const Status&) { return_memory(); });
    });
  });
}

void Daemon::note(const std::string& text) const {
  if (options_.log) options_.log(text);
}

}  // namespace attest
