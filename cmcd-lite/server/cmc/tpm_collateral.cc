#include "cmcd-lite/server/cmc/tpm_collateral.h"

#include <algorithm>

#include "evidence/logs/ima_list.h"
#include "evidence/logs/tcg_event_text.h"

namespace attest {
namespace {

constexpr std::uint32_t kSpoken[] = {0x0d, 0x80000007, 0x01, 0x08, 0x12};  // types whose data is text: EV_IPL, …

// class_of is the CycloneDX class of what is measured into a register.
const char* class_of(std::uint8_t pcr) {
  if (pcr <= 3) return "firmware";
  if (pcr == 6 || pcr == 7) return "platform";
  return pcr == 4 || pcr == 5 || pcr == 8 || pcr == 9 ? "operating-system" : "application";
}

cmc::Component event_of(std::uint8_t pcr, HashAlg bank, const Digest& digest) {
  cmc::Component event;
  event.type = class_of(pcr);
  event.hashes = {{cmc::hash_name(bank), to_bytes(digest.view())}};
  return event;
}

std::string spoken(View data) {
  std::string out;
  for (std::uint8_t c : data) out += c >= 0x20 && c <= 0x7e ? static_cast<char>(c) : '.';
  return out;
}

cmc::Component firmware_event(const MeasuredEvent& measured, HashAlg bank) {
  cmc::Component event = event_of(measured.pcr, bank, measured.digest);
  event.name = tcg_event_type_name(measured.full.type);
  if (std::ranges::find(kSpoken, measured.full.type) != std::end(kSpoken)) event.description = spoken(measured.full.data);
  return event;
}

cmc::Component ima_event(const MeasuredEvent& measured, HashAlg bank) {
  cmc::Component event = event_of(measured.pcr, bank, measured.digest);
  std::string path = ima_hint(measured.full.template_name, measured.full.data).name;
  event.name = path.substr(path.rfind('/') + 1);
  event.description = path;
  event.optional = true;
  return event;
}

cmc::Component start_event(std::uint8_t pcr, const MeasuredLog& log) {
  cmc::Component event = event_of(pcr, log.bank, pcr_start_value(log.bank, pcr, log.startup_locality));
  event.name = cmc::kInitValue;
  return event;
}

// add_event puts an event behind the others of its register. A register whose first event is the kernel's needs no
// start value: it is zero.
void add_event(cmc::Artifact& artifact, const MeasuredEvent& measured, const MeasuredLog& log) {
  bool ima = measured.kind == LogKind::ima;
  if (artifact.events.empty() && !ima) artifact.events.push_back(start_event(measured.pcr, log));
  artifact.events.push_back(ima ? ima_event(measured, log.bank) : firmware_event(measured, log.bank));
}

// tell_starts: CMC's verifier begins with 32 zeros in whatever bank, so that a register of another has to say where it starts
// even where those are zeros, or nothing was measured.
void tell_starts(const MeasuredLog& log, std::vector<cmc::Artifact>& artifacts) {
  if (log.bank == HashAlg::sha256) return;
  for (cmc::Artifact& artifact : artifacts)
    if (artifact.events.empty() || artifact.events.front().name != cmc::kInitValue)
      artifact.events.insert(artifact.events.begin(), start_event(static_cast<std::uint8_t>(artifact.index), log));
}

// tell_place: the events of a register say the same of where they stand, and share it.
void tell_place(cmc::Artifact& artifact) {
  cmc::SharedList<cmc::Property> place = {{"cmc.ta", "TPM"}, {"cmc.index", std::to_string(artifact.index)}};
  for (cmc::Component& event : artifact.events) event.properties = place;
}

}  // namespace

cmc::Collateral tpm_collateral(const TpmAnchor& anchor, const PcrSelection& selection, const MeasuredLog* log) {
  cmc::Collateral out;
  out.type = cmc::kTpmEvidence;
  out.certs = anchor.ak_chain;
  std::array<std::size_t, 24> place{};
  for (std::size_t i = 0; i < selection.pcrs.size(); i++) {
    cmc::Artifact& artifact = out.artifacts.emplace_back();
    artifact.type = log != nullptr ? cmc::kPcrEventlog : cmc::kPcrSummary;
    artifact.index = selection.pcrs[i];
    place[selection.pcrs[i] % 24] = i + 1;
    if (log != nullptr || i >= anchor.pcr_values.size()) continue;
    cmc::Component value;
    value.hashes = {{cmc::hash_name(selection.bank), to_bytes(anchor.pcr_values[i].view())}};
    artifact.events.push_back(std::move(value));
  }
  if (log == nullptr) return out;
  std::size_t covered = std::min(log->events.size(), log->tcg_events + log->ima_covered);
  for (const MeasuredEvent& measured : std::span(log->events).first(covered))
    if (std::size_t at = measured.pcr < 24 ? place[measured.pcr] : 0; at != 0) add_event(out.artifacts[at - 1], measured, *log);
  tell_starts(*log, out.artifacts);
  std::ranges::for_each(out.artifacts, tell_place);
  return out;
}

namespace {

const Bytes& digest_of(const cmc::Component& event) { return event.hashes.at(0).content; }

// tell_in_log: the events at the end of a log are the containers'.
Status tell_in_log(const cmc::Artifact& started, std::vector<cmc::Component>& events) {
  if (events.size() < started.events.size()) return Error{Errc::mismatch, "cmc report: the log of containers is not the quoted one"};
  auto at = events.end() - static_cast<std::ptrdiff_t>(started.events.size());
  for (const cmc::Component& container : started.events) {
    if (digest_of(*at) != digest_of(container)) return Error{Errc::mismatch, "cmc report: the log of containers is not the quoted one"};
    *at++ = container;
  }
  return ok();
}

// tell_for_value: the containers in place of a register's value, where nothing else was measured into it.
void tell_for_value(const cmc::Artifact& started, cmc::Artifact& summary) {
  cmc::Component start = event_of(static_cast<std::uint8_t>(summary.index), HashAlg::sha256, Digest::filled(HashAlg::sha256, 0));
  start.name = cmc::kInitValue;
  Digest sum = Digest::of(digest_of(start));
  for (const cmc::Component& container : started.events) sum = sha256({sum.view(), digest_of(container)});
  if (summary.events.size() != 1 || !equal(sum.view(), digest_of(summary.events[0]))) return;
  summary.type = cmc::kPcrEventlog;
  summary.events = {std::move(start)};
  summary.events.insert(summary.events.end(), started.events.begin(), started.events.end());
}

}  // namespace

Status tell_containers(const cmc::Artifact& started, cmc::Collateral& collateral) {
  if (started.events.empty()) return ok();
  auto at = std::ranges::find(collateral.artifacts, started.index, &cmc::Artifact::index);
  if (at == collateral.artifacts.end()) return Error{Errc::mismatch, "cmc report: the register of containers is not quoted"};
  if (at->type == cmc::kPcrEventlog) return tell_in_log(started, at->events);
  tell_for_value(started, *at);
  return ok();
}

}  // namespace attest
