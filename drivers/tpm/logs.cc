#include "drivers/tpm/logs.h"

#include "evidence/core/file.h"
#include "evidence/core/hex.h"
#include "evidence/logs/tcg_event_log.h"
#include "evidence/tpm/pcr_selection.h"

namespace attest {
namespace {

constexpr std::size_t kMaxListBytes = 256 << 20;
constexpr std::uint32_t kEventTag = 6;  // EV_EVENT_TAG

// same_beginning: no event that both logs hold differs, and the firmware's part is the same.
bool same_beginning(const MeasuredLog& a, const MeasuredLog& b) {
  if (a.tcg_events != b.tcg_events || a.startup_locality != b.startup_locality) return false;
  std::size_t common = std::min(a.events.size(), b.events.size());
  for (std::size_t i = 0; i < common; i++)
    if (a.events[i].pcr != b.events[i].pcr || a.events[i].digest != b.events[i].digest) return false;
  return common >= a.tcg_events + a.ima_covered;
}

}  // namespace

Result<Digest> firmware_register(const TpmDriverConfig& config, std::uint8_t pcr) {
  HashAlg bank = config.pcrs.bank;
  if (config.event_log.empty()) return pcr_start_value(bank, pcr, 0);
  TRY(Bytes bytes, read_file(config.event_log, kMaxTcgLog));
  TRY(TcgEventLog parsed, parse_tcg_event_log(bytes));
  TRY(std::vector<MeasuredEvent> events, tcg_measured_events(parsed, bank));
  TRY(PcrReplay replay, PcrReplay::make(bank, parsed.startup_locality.value_or(0)));
  for (const MeasuredEvent& event : events) replay.extend(event.pcr, event.digest);
  return replay.value(pcr);
}

MachineLogs::MachineLogs(const TpmDriverConfig& config, HashAlg digest_alg, const ContainerLog* containers)
    : event_log_(config.event_log),
      ima_list_(config.ima_list, kMaxListBytes),
      selection_(config.pcrs),
      containers_(containers),
      digest_alg_(digest_alg) {
  log_.bank = config.pcrs.bank;
}

bool MachineLogs::selects(std::uint8_t pcr) const { return std::ranges::binary_search(selection_.pcrs, pcr); }

std::vector<Digest> MachineLogs::values(const PcrReplay& replay) const {
  std::vector<Digest> out;
  for (std::uint8_t pcr : selection_.pcrs) out.push_back(replay.value(pcr));
  return out;
}

Result<Bytes> MachineLogs::raw(LogKind kind) const {
  const std::string& path = kind == LogKind::tcg ? event_log_ : ima_list_.path();
  if (path.empty()) return Error{Errc::unsupported, "tpm logs: no such log is configured"};
  return read_file(path, kind == LogKind::tcg ? kMaxTcgLog : kMaxListBytes);
}

Status MachineLogs::load_firmware() {
  if (event_log_.empty()) return ok();
  TRY(Bytes bytes, read_file(event_log_, kMaxTcgLog));
  TRY(TcgEventLog parsed, parse_tcg_event_log(bytes));
  log_.startup_locality = parsed.startup_locality.value_or(0);
  TRY(log_.events, tcg_measured_events(parsed, selection_.bank));
  log_.tcg_events = log_.events.size();
  return ok();
}

// load_containers adds what was started as events of its register; what it is called is not for everybody who gets evidence.
Status MachineLogs::load_containers() {
  if (containers_ == nullptr) return ok();
  cmc::Artifact started = containers_->artifact();
  auto pcr = static_cast<std::uint8_t>(started.index);
  for (const cmc::Component& container : started.events) {
    MeasuredEvent event;
    event.pcr = pcr;
    event.digest = Digest::of(container.hashes.at(0).content);
    event.full = {pcr, kEventTag, "", container.hashes[0].content, to_bytes(as_view("container"))};
    log_.events.push_back(std::move(event));
  }
  log_.tcg_events = log_.events.size();
  return ok();
}

Status MachineLogs::add_entries(View bytes) {
  TRY(ImaList list, parse_ima_list(bytes));
  if (log_.events.size() - log_.tcg_events + list.entries.size() > kMaxLogEvents)
    return Error{Errc::unsupported, "tpm logs: " + ima_list_.path() + " has more than " +
                                        std::to_string(kMaxLogEvents) +
                                        " entries; remedy: a narrower IMA policy"};
  TRY(Hasher hasher, Hasher::make(selection_.bank));
  for (const ImaEntry& entry : list.entries) {
    TRY(MeasuredEvent event, ima_measured_event(hasher, entry, mode_));
    log_.events.push_back(std::move(event));
  }
  return ok();
}

// append_ima adds what the list grew by; false when the list is another one than before.
Result<bool> MachineLogs::append_ima() {
  if (ima_list_.path().empty()) return true;
  TRY(GrowingFile::Piece piece, ima_list_.read());
  if (piece.restarted) return false;
  CHECK_OK(add_entries(piece.bytes));
  return true;
}

// load reads both logs from the start and puts the replay behind the firmware's events.
Status MachineLogs::load(ImaExtend mode) {
  MeasuredLog before = std::exchange(log_, {});
  log_.bank = selection_.bank;
  log_.generation = before.generation + 1;
  replay_.reset();
  matched_ = {};
  mode_ = mode;
  CHECK_OK(load_firmware());
  CHECK_OK(load_containers());
  if (!ima_list_.path().empty()) {
    ima_list_.forget();
    TRY(GrowingFile::Piece piece, ima_list_.read());
    CHECK_OK(add_entries(piece.bytes));
    log_.events.shrink_to_fit();  // what follows comes in small pieces
  }
  if (same_beginning(before, log_)) log_.generation = before.generation;
  TRY(PcrReplay replay, PcrReplay::make(selection_.bank, log_.startup_locality));
  for (std::size_t i = 0; i < log_.tcg_events; i++) replay.extend(log_.events[i].pcr, log_.events[i].digest);
  replay_ = std::move(replay);
  return ok();
}

// walk goes from the last match towards the end of the list until the replay gives pcr_digest.
Result<bool> MachineLogs::walk(const Digest& pcr_digest) {
  bool changed = true;
  for (std::size_t at = log_.tcg_events + log_.ima_covered;; at++) {
    if (changed && attest::pcr_digest(digest_alg_, values(*replay_)) == pcr_digest) {
      log_.pcr_values = values(*replay_);
      matched_ = pcr_digest;
      return true;
    }
    if (at == log_.events.size()) break;
    const MeasuredEvent& event = log_.events[at];
    replay_->extend(event.pcr, event.digest);
    changed = selects(event.pcr);
    log_.ima_covered++;
  }
  replay_.reset();
  return false;
}

Result<bool> MachineLogs::find_from_here(const Digest& pcr_digest) {
  if (!replay_) return false;
  auto grown = append_ima();
  // Whatever is wrong with the rest of the list, reading it whole tells it better.
  if (!grown || !*grown) return false;
  return walk(pcr_digest);
}

Result<bool> MachineLogs::find_from_start(const Digest& pcr_digest, ImaExtend mode) {
  CHECK_OK(load(mode));
  return walk(pcr_digest);
}

Result<const MeasuredLog*> MachineLogs::match(const Digest& pcr_digest, std::uint32_t reset_count,
                                              const PcrReader& now) {
  bool same_boot = reset_count == reset_count_;
  reset_count_ = reset_count;
  if (same_boot && !matched_.empty() && matched_ == pcr_digest) return &log_;
  if (same_boot) {
    TRY(bool found, find_from_here(pcr_digest));
    if (found) return &log_;
  }
  ImaExtend first = mode_;
  ImaExtend second = first == ImaExtend::template_data ? ImaExtend::padded_sha1 : ImaExtend::template_data;
  for (ImaExtend mode : {first, second}) {
    TRY(bool found, find_from_start(pcr_digest, mode));
    if (found) return &log_;
  }
  return std::move(explain(now)).error();
}

// unexplained lists the positions in the selection whose values the replay never reaches: PCRs that IMA
// extends may stand anywhere in the list, the others at its end.
Result<std::vector<std::size_t>> MachineLogs::unexplained(const std::vector<Digest>& now) const {
  TRY(PcrReplay replay, PcrReplay::make(selection_.bank, log_.startup_locality));
  std::vector<bool> reached(now.size());
  auto note = [&](std::size_t i) { reached[i] = reached[i] || replay.value(selection_.pcrs[i]) == now[i]; };
  for (std::size_t at = 0; at < log_.events.size(); at++) {
    replay.extend(log_.events[at].pcr, log_.events[at].digest);
    if (at < log_.tcg_events) continue;
    for (std::size_t i = 0; i < now.size(); i++)
      if (selection_.pcrs[i] == log_.events[at].pcr) note(i);
  }
  std::vector<std::size_t> out;
  for (std::size_t i = 0; i < now.size(); i++) {
    note(i);
    if (!reached[i]) out.push_back(i);
  }
  return out;
}

Error MachineLogs::describe(std::size_t index, const Digest& now) const {
  std::uint8_t pcr = selection_.pcrs[index];
  std::size_t entries = log_.events.size() - log_.tcg_events;
  bool by_ima = pcr == 10 || std::ranges::any_of(log_.events, [&](const MeasuredEvent& e) {
                  return e.kind == LogKind::ima && e.pcr == pcr;
                });
  const std::string& path = by_ima ? ima_list_.path() : std::string(event_log_);
  std::string text = "tpm logs: the measurement logs do not explain PCR " + std::to_string(pcr) + " (" +
                     hash_alg_name(selection_.bank) + " " + short_hex(now.view()) + ")";
  if (path.empty()) {
    text += by_ima ? ": no ima_list is configured" : ": no event_log is configured";
    text += "; remedy: configure it, or leave the PCR out of pcrs";
  } else {
    text += ": " + path + " holds " + std::to_string(by_ima ? entries : log_.tcg_events) + " events";
    text +=
        "; something extended it and was not logged, or the log was cut short; remedy: reboot, or leave the "
        "PCR "
        "out of pcrs";
  }
  return {Errc::mismatch, text};
}

// explain finds the PCR at fault, under the rule for IMA's digests that fits better. It never succeeds.
Status MachineLogs::explain(const PcrReader& now) {
  TRY(std::vector<Digest> current, now());
  std::optional<Error> best;
  std::size_t fewest = current.size() + 1;
  for (ImaExtend mode : {ImaExtend::template_data, ImaExtend::padded_sha1}) {
    CHECK_OK(load(mode));
    TRY(std::vector<std::size_t> bad, unexplained(current));
    if (bad.size() >= fewest) continue;
    fewest = bad.size();
    best = bad.empty()
               ? Error{Errc::mismatch,
                       "tpm logs: the quote is of another state than the logs; the machine changed in "
                       "between, or the TPM was reset: try again"}
               : describe(bad.front(), current[bad.front()]);
  }
  replay_.reset();
  return best.value_or(Error{Errc::mismatch, "tpm logs: no PCR was read"});
}

}  // namespace attest
