#include "evidence/logs/expand.h"

#include "evidence/logs/ima_list.h"
#include "evidence/logs/prefix.h"
#include "evidence/logs/tcg_event_log.h"
#include "evidence/logs/tcg_event_text.h"

namespace attest {
namespace {

constexpr std::uint8_t kPcrs = 24;

Error malformed(std::size_t event, const std::string& why) {
  return Error{Errc::malformed, "log: event " + std::to_string(event) + ": " + why};
}

// count_events adds up what the segments will become and checks it before anything is made of them.
Result<std::uint64_t> count_events(const std::vector<EvidenceLog>& logs, std::uint32_t max_events) {
  std::uint64_t total = 0;
  int last_kind = 0;
  for (const EvidenceLog& log : logs) {
    if (static_cast<int>(log.kind) <= last_kind)
      return Error{Errc::malformed, "log: kinds repeated or out of order"};
    last_kind = static_cast<int>(log.kind);
    if (log.skipped != 0) return Error{Errc::malformed, "log: its beginning is not here"};
    std::uint64_t here = 0;
    for (const Segment& segment : log.segments) here += events_in(segment);
    if (here != log.events)
      return Error{Errc::malformed,
                   "log: holds " + std::to_string(here) + " events and claims " + std::to_string(log.events)};
    total += here;
    if (total > max_events)
      return Error{Errc::denied, "log: " + std::to_string(total) + " events, at most " +
                                     std::to_string(max_events) + " are judged"};
  }
  return total;
}

class Expander {
 public:
  Expander(const ContextManifests& manifests, Hasher bank, Hasher sha1, ImaExtend ima)
      : manifests_(manifests), bank_(std::move(bank)), sha1_(std::move(sha1)), ima_(ima) {}

  Status add(const EvidenceLog& log) {
    kind_ = log.kind;
    for (const Segment& segment : log.segments) {
      if (const auto* run = std::get_if<RunSegment>(&segment)) {
        CHECK_OK(add_run(*run));
      } else if (const auto* entry = std::get_if<DigestSegment>(&segment)) {
        CHECK_OK(add_digest(*entry));
      } else if (const auto* packed = std::get_if<PackedSegment>(&segment)) {
        CHECK_OK(add_packed(*packed));
      } else {
        CHECK_OK(add_full(std::get<EventSegment>(segment)));
      }
    }
    return ok();
  }

  std::vector<ExpandedEvent> events;

 private:
  Result<const Manifest*> manifest_of(std::uint32_t item) {
    const Manifest* manifest = item < manifests_.size() ? manifests_[item] : nullptr;
    if (manifest == nullptr)
      return malformed(events.size(), "a run of item " + std::to_string(item) + ", which is no manifest here");
    return manifest;
  }

  Status add_packed(const PackedSegment& packed) {
    TRY(const Manifest* manifest, manifest_of(packed.metadata));
    std::size_t size = manifest->tpm.size();
    if (packed.entries.empty() || packed.bits != index_bits(size))
      return malformed(events.size(), "packed indices of " + std::to_string(packed.bits) + " bits into a manifest of " +
                                          std::to_string(size) + " reference values");
    for (std::uint32_t entry : packed.entries) {
      if (entry >= size)
        return malformed(events.size(), "an index outside its manifest of " + std::to_string(size) + " reference values");
      CHECK_OK(add_reference(*manifest, {packed.metadata, entry}));
    }
    return ok();
  }

  Status add_run(const RunSegment& run) {
    TRY(const Manifest* manifest, manifest_of(run.metadata));
    std::size_t size = manifest->tpm.size();
    if (run.count == 0 || run.first >= size || run.count > size - run.first)
      return malformed(events.size(),
                       "a run outside its manifest of " + std::to_string(size) + " reference values");
    for (std::uint32_t i = 0; i < run.count; i++)
      CHECK_OK(add_reference(*manifest, {run.metadata, run.first + i}));
    return ok();
  }

  Status add_reference(const Manifest& manifest, RefPosition position) {
    std::uint32_t index = manifest.tpm[position.entry];
    if (index >= manifest.references.size())
      return malformed(events.size(), "a manifest whose index is broken");
    const ReferenceValue& value = manifest.references[index];
    ExpandedEvent e;
    e.digest = reference_digest(value, bank_.alg(), kind_, ima_);
    if (e.digest.empty() || value.reg >= kPcrs)
      return malformed(events.size(), "reference value " + std::to_string(position.entry) +
                                          " cannot stand for an event of the " +
                                          std::string(hash_alg_name(bank_.alg())) + " bank");
    e.pcr = static_cast<std::uint8_t>(value.reg);
    e.kind = kind_;
    e.position = position;
    e.reference = &value;
    events.push_back(e);
    return ok();
  }

  Status add_digest(const DigestSegment& entry) {
    if (kind_ != LogKind::ima || entry.pcr >= kPcrs || entry.digest.size() != digest_size(bank_.alg()))
      return malformed(events.size(), "a digest alone, of a firmware event, another bank or no PCR");
    ExpandedEvent e;
    e.digest = Digest::of(entry.digest);
    e.pcr = entry.pcr;
    e.kind = kind_;
    e.violation = e.digest == Digest::filled(bank_.alg(), 0xff);
    events.push_back(e);
    return ok();
  }

  Status add_full(const EventSegment& segment) {
    ExpandedEvent e;
    e.pcr = segment.pcr;
    e.kind = kind_;
    e.full = &segment;
    if (segment.pcr >= kPcrs) return malformed(events.size(), "PCR " + std::to_string(segment.pcr));
    CHECK_OK(kind_ == LogKind::tcg ? take_firmware(segment, e) : take_ima(segment, e));
    events.push_back(e);
    return ok();
  }

  Status take_firmware(const EventSegment& segment, ExpandedEvent& e) {
    if (segment.digest.size() != digest_size(bank_.alg()))
      return malformed(events.size(), "a digest of " + std::to_string(segment.digest.size()) + " bytes");
    if (segment.type == kEvNoAction) return malformed(events.size(), "EV_NO_ACTION never extends a PCR");
    if (!segment.template_name.empty())
      return malformed(events.size(), "a firmware event with an IMA template");
    e.digest = Digest::of(segment.digest);
    return ok();
  }

  Status take_ima(const EventSegment& segment, ExpandedEvent& e) {
    if (segment.digest.size() != 20)
      return malformed(events.size(), "an IMA template hash that is not SHA-1");
    if (segment.type != 0 || segment.template_name.empty())
      return malformed(events.size(), "an IMA entry with an event type or without a template");
    e.violation = std::ranges::all_of(segment.digest, [](std::uint8_t b) { return b == 0; });
    if (e.violation) {
      e.digest = Digest::filled(bank_.alg(), 0xff);
      return ok();
    }
    bool padded = ima_ == ImaExtend::padded_sha1 && bank_.alg() != HashAlg::sha1;
    TRY(Digest digest, ima_template_hash(padded ? sha1_ : bank_, segment.template_name, segment.data));
    e.digest = padded ? padded_sha1(bank_.alg(), digest.view()) : digest;
    return ok();
  }

  const ContextManifests& manifests_;
  Hasher bank_;
  Hasher sha1_;
  ImaExtend ima_;
  LogKind kind_ = LogKind::tcg;
};

}  // namespace

Result<std::vector<ExpandedEvent>> expand_logs(const std::vector<EvidenceLog>& logs,
                                               const ContextManifests& manifests, HashAlg bank, ImaExtend ima,
                                               std::uint32_t max_events) {
  TRY(std::uint64_t total, count_events(logs, max_events));
  TRY(Hasher bank_hasher, Hasher::make(bank));
  TRY(Hasher sha1, Hasher::make(HashAlg::sha1));
  Expander expander(manifests, std::move(bank_hasher), std::move(sha1), ima);
  expander.events.reserve(static_cast<std::size_t>(total));
  for (const EvidenceLog& log : logs) CHECK_OK(expander.add(log));
  return std::move(expander.events);
}

Result<PcrReplay> replay_events(const std::vector<ExpandedEvent>& events, HashAlg bank,
                                std::uint8_t startup_locality) {
  TRY(PcrReplay replay, PcrReplay::make(bank, startup_locality));
  for (const ExpandedEvent& e : events) replay.extend(e.pcr, e.digest);
  return replay;
}

std::string event_name(const EventSegment& segment, LogKind kind) {
  if (kind == LogKind::ima) return ima_hint(segment.template_name, segment.data).name;
  std::string text = tcg_event_text(segment.type, segment.data);
  std::string type = tcg_event_type_name(segment.type);
  return text.empty() ? type : type + " " + text;
}

std::string event_name(const ExpandedEvent& event) {
  if (event.full != nullptr) return event_name(*event.full, event.kind);
  return event.reference != nullptr ? event.reference->name : std::string();
}

}  // namespace attest
