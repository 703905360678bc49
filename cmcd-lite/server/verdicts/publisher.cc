#include "cmcd-lite/server/verdicts/publisher.h"

#include <unistd.h>

#include <map>

#include "evidence/publish/publication.h"
#include "verifier/cmc/from_native.h"

namespace attest {
namespace {

std::string host_name() {
  char name[256] = {};
  return gethostname(name, sizeof name - 1) == 0 && name[0] != 0 ? name : "unknown";
}

cmc::AttestationResult result_of(const VerdictRecord& record) {
  auto appraisal = parse_appraisal(record.appraisal);
  Appraisal known = appraisal ? *std::move(appraisal) : Appraisal{};
  if (!appraisal) known.verdict.fail(record.name, record.why);
  cmc::Party prover{record.peer.empty() ? "unknown" : record.peer, "", ""};
  return cmc::native_result(known, std::move(prover), {host_name(), "", ""}, record.when);
}

// texts_of is what one target is told of a result.
std::vector<std::string> texts_of(const std::string& target, const cmc::AttestationResult& result, UnixTime when) {
  if (target == "ocsf") return publish::detection_findings(result, when);
  if (target == "network") return {publish::network_event(result)};
  return {std::string(as_text(cmc::encode_result(result, cmc::Encoding::json)))};
}

}  // namespace

Publisher::Publisher(std::function<void(const std::string&)> log) : log_(std::move(log)), thread_([this] { work(); }) {}

Publisher::~Publisher() {
  {
    std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void Publisher::configure(const publish::Config& config) {
  std::lock_guard lock(mutex_);
  config_ = config;
}

bool Publisher::idle() const {
  std::lock_guard lock(mutex_);
  return config_.targets.empty();
}

void Publisher::add(const VerdictRecord& record) {
  if (idle()) return;
  if (record.result) return add(record.result, record.when);
  std::size_t bytes = sizeof record + record.peer.size() + record.why.size() + record.appraisal.size();
  enqueue({bytes, [record] { return result_of(record); }, record.when});
}

// add of a whole result; only the verifier's name is missing in it.
void Publisher::add(std::shared_ptr<const cmc::AttestationResult> result, UnixTime when) {
  std::size_t bytes = cmc::encode_result(*result, cmc::Encoding::cbor).size();
  auto named = [result = std::move(result)] {
    cmc::AttestationResult out = *result;
    if (out.verifier.hostname.empty()) out.verifier.hostname = host_name();
    return out;
  };
  enqueue({bytes, std::move(named), when});
}

void Publisher::enqueue(Waiting one) {
  {
    std::lock_guard lock(mutex_);
    if (config_.targets.empty()) return;
    if (waiting_bytes_ + one.bytes > kMaxWaitingBytes) {
      health_.lost++;
      health_.problem = "verdicts come faster than they can be written";
      return;
    }
    waiting_bytes_ += one.bytes;
    waiting_.push_back(std::move(one));
  }
  wake_.notify_one();
}

void Publisher::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [this] { return stop_ || !waiting_.empty(); });
    if (waiting_.empty()) return;
    std::vector<Waiting> batch = std::exchange(waiting_, {});
    waiting_bytes_ = 0;
    publish::Config config = config_;
    lock.unlock();
    write(config, std::move(batch));
    lock.lock();
  }
}

void Publisher::write(const publish::Config& config, std::vector<Waiting> batch) {
  std::map<std::string, std::vector<std::string>> texts;
  for (Waiting& one : batch) {
    cmc::AttestationResult result = one.result();
    one.result = nullptr;
    for (const publish::Target& target : config.targets)
      for (std::string& text : texts_of(target.name, result, one.when)) texts[target.name].push_back(std::move(text));
  }
  std::string problem;
  for (const publish::Target& target : config.targets) write_queue(config, target, texts[target.name], problem);
  std::lock_guard lock(mutex_);
  if (!problem.empty() && health_.problem.empty() && log_) log_("publish.lost: " + problem);
  health_.problem = problem;
}

// write_queue writes one file for at most 64 texts: each costs the disk a sync, and a queue drops whole files.
void Publisher::write_queue(const publish::Config& config, const publish::Target& target, const std::vector<std::string>& texts,
                            std::string& problem) {
  constexpr std::size_t kBatch = 64;
  if (texts.empty()) return;
  auto spool = publish::Spool::open((config.queue / target.name).string(), {config.items, config.mib << 20});
  std::uint64_t written = 0, lost = spool ? 0 : texts.size();
  if (!spool) problem = spool.error().what;
  for (std::size_t at = 0; spool && at < texts.size(); at += std::min(kBatch, config.items)) {
    std::size_t end = std::min(texts.size(), at + std::min(kBatch, config.items));
    Status put = spool->put({texts.begin() + static_cast<long>(at), texts.begin() + static_cast<long>(end)});
    if (put)
      written += end - at;
    else
      problem = put.error().what;
  }
  if (spool) lost = spool->lost();
  if (lost > 0 && problem.empty()) problem = "the queue for \"" + target.name + "\" is full; is attest-publish running?";
  std::lock_guard lock(mutex_);
  health_.queued += written;
  health_.lost += lost;
}

Publisher::Health Publisher::health() const {
  std::lock_guard lock(mutex_);
  return health_;
}

}  // namespace attest
