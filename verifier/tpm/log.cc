// log.cc: the measurement log behind a verified quote: expansion, replay, reference values.
#include <algorithm>

#include "evidence/core/hex.h"
#include "evidence/logs/expand.h"
#include "evidence/logs/prefix.h"
#include "evidence/tpm/pcr_selection.h"
#include "verifier/appraisers.h"
#include "verifier/references/match.h"
#include "verifier/references/sentences.h"

namespace attest {
namespace {

Failed check_start(const TpmAnchor& anchor) {
  if (anchor.startup_locality == 0 || anchor.startup_locality == 3 || anchor.startup_locality == 4) return {};
  return failed(check::kPcrStartValue,
                "PCR 0 is said to start from locality " + std::to_string(anchor.startup_locality) + "; only 0, 3 and 4 exist");
}

bool has_ima(const TpmAnchor& anchor) {
  return std::ranges::find(anchor.logs, LogKind::ima, &EvidenceLog::kind) != anchor.logs.end();
}

Failed check_ima_log(const Case& c, const TpmAnchor& anchor) {
  if (!c.policy.ima_required) return {};
  if (has_ima(anchor)) return {};
  return failed(check::kImaMissing, "the policy demands file measurements and the evidence has no such list",
                "boot the peer with ima_policy=tcb");
}

// Replayed is a log that leads to the quoted PCR values, and how its file measurements were extended.
struct Replayed {
  std::vector<ExpandedEvent> events;
  ImaExtend ima = ImaExtend::template_data;
};

Failed expand(const Case& c, const TpmAnchor& anchor, const ClaimedMetadata& metadata, Replayed& out) {
  ContextManifests manifests;
  for (const auto& item : metadata.items) {
    bool is_manifest = item && item->metadata->type == MetadataType::manifest;
    manifests.push_back(is_manifest ? &item->metadata->manifest : nullptr);
  }
  auto events = expand_logs(anchor.logs, manifests, c.context.pcrs->bank, out.ima, c.policy.max_events);
  if (!events) return failed(events.error().code == Errc::denied ? check::kLogTooLong : check::kLogMalformed, events.error().what);
  out.events = *std::move(events);
  return {};
}

// check_pcrs: no event of a PCR that the quote leaves out. It would be judged though nothing vouches for it.
Failed check_pcrs(const Case& c, const std::vector<ExpandedEvent>& events) {
  std::uint32_t quoted = 0;
  for (std::uint8_t pcr : c.context.pcrs->pcrs) quoted |= 1U << pcr;
  for (const ExpandedEvent& event : events)
    if ((quoted >> event.pcr & 1U) == 0)
      return failed(check::kQuoteSelection, "the log has events of PCR " + std::to_string(event.pcr) + ", the quote covers " +
                                                selection_text(*c.context.pcrs));
  return {};
}

Failed check_replay(const Case& c, const TpmAnchor& anchor, const std::vector<ExpandedEvent>& events) {
  auto values = c.facts.replay(events, c.context.pcrs->bank, anchor.startup_locality);
  if (!values) return failed(check::kPcrReplay, values.error().what);
  std::string wrong;
  for (std::size_t i = 0; i < c.context.pcrs->pcrs.size(); i++) {
    std::uint8_t pcr = c.context.pcrs->pcrs[i];
    const Digest& value = (**values)[pcr];
    if (!value.empty() && value == anchor.pcr_values[i]) continue;
    wrong += (wrong.empty() ? "PCR " : "; PCR ") + std::to_string(pcr) + ": the log leads to " + short_hex(value.view()) +
             ", quoted " + short_hex(anchor.pcr_values[i].view());
  }
  if (wrong.empty()) return {};
  return failed(check::kPcrReplay, wrong, "reboot the peer and compare; entries may have been removed from the log");
}

Failed replay(const Case& c, const TpmAnchor& anchor, const ClaimedMetadata& metadata, Replayed& out) {
  if (Failed bad = expand(c, anchor, metadata, out)) return bad;
  if (Failed extra = check_pcrs(c, out.events)) return extra;
  return check_replay(c, anchor, out.events);
}

// replay_any tries the ways a kernel may have extended file measurements, as far as the policy accepts them. Which one it was
// the PCR decides.
Failed replay_any(const Case& c, const TpmAnchor& anchor, const ClaimedMetadata& metadata, Replayed& out) {
  Failed first = replay(c, anchor, metadata, out);
  bool other = first && has_ima(anchor) && c.policy.ima_padded_sha1 && c.context.pcrs->bank != HashAlg::sha1;
  if (!other || first->id == check::kLogTooLong) return first;
  out.ima = ImaExtend::padded_sha1;
  return replay(c, anchor, metadata, out) ? first : Failed{};
}

// padded_pcrs is a bit mask of the PCRs whose file measurements were padded.
std::uint32_t padded_pcrs(const Replayed& log) {
  std::uint32_t out = 0;
  for (const ExpandedEvent& event : log.events)
    if (event.kind == LogKind::ima && log.ima == ImaExtend::padded_sha1) out |= 1U << event.pcr;
  return out;
}

void report(Verdict& verdict, std::string_view id, const LogFindings::Kind& kind, const char* remedy) {
  if (kind.count == 0) return verdict.pass(id);
  std::string why = kind.first;
  if (kind.count > 1) why += " (and " + std::to_string(kind.count - 1) + " more)";
  verdict.fail(id, std::move(why), remedy);
}

std::vector<Digest> digests_of(const ClaimedMetadata& metadata) {
  std::vector<Digest> out;
  for (const MetadataItem* item : metadata.layers.manifests) out.push_back(item->digest);
  return out;
}

CleanLog clean_log(const Case& c, const TpmAnchor& anchor, const Replayed& log, const ClaimedMetadata& metadata, bool ima_events) {
  auto of_ima = static_cast<std::uint64_t>(std::ranges::count(log.events, LogKind::ima, &ExpandedEvent::kind));
  Digest prefix = log_prefix(c.context, anchor.startup_locality, log.events.size() - of_ima, of_ima, anchor.pcr_values);
  return {digests_of(metadata), log.ima, log.events.size(), ima_events, prefix};
}

// known_clean: this very log was replayed and compared with these very manifests before, and this policy accepts how.
bool known_clean(const Case& c, const ClaimedMetadata& metadata) {
  if (c.known == nullptr || !c.known->log) return false;
  const CleanLog& log = *c.known->log;
  return log.manifests == digests_of(metadata) && log.events <= c.policy.max_events &&
         (log.ima == ImaExtend::template_data || c.policy.ima_padded_sha1);
}

void pass_clean(const CleanLog& log, Appraisal& out) {
  for (std::string_view id : {check::kPcrReplay, check::kPcrUnexpected, check::kPcrOrder, check::kPcrMissing}) out.verdict.pass(id);
  if (log.ima_events) out.verdict.pass(check::kImaUnexpected);
  out.events += log.events;
}

void compare(const Case& c, const TpmAnchor& anchor, const Replayed& log, const ClaimedMetadata& metadata, Appraisal& out) {
  auto prepared = metadata.references->get(metadata.layers.manifests, metadata.items, c.context.pcrs->bank, padded_pcrs(log));
  const ReferenceIndex& index = prepared->index;
  if (index.places().empty())
    return out.verdict.fail(check::kPcrMissing, std::string("the manifests hold no TPM reference values of the ") + hash_alg_name(index.bank()) +
                                                    " bank: nothing could be judged", "publish references of this bank");
  Matcher matcher(index);
  std::uint64_t position = 0;
  for (const ExpandedEvent& e : log.events) matcher.judge({position++, e.pcr, e.kind, &e.digest, e.full, e.violation,
                                                     e.full == nullptr && e.reference == nullptr});
  LogFindings found = std::move(matcher).finish(c.context.pcrs->pcrs);
  for (Mismatch& m : found.mismatches) out.verdict.mismatch(std::move(m));
  out.mismatches_omitted += found.omitted;
  out.events += log.events.size();
  constexpr const char* kAllow = "if the change was wanted: attestctl metadata allow --from-refusal, then sign and publish";
  report(out.verdict, check::kPcrUnexpected, found.unexpected, kAllow);
  report(out.verdict, check::kPcrOrder, found.order, "publish the references of this platform without log order, or mark entries optional");
  report(out.verdict, check::kPcrMissing, found.missing, "find out what skipped the stage; mark the entry optional if it may be absent");
  if (found.ima_events > 0) report(out.verdict, check::kImaUnexpected, found.ima, found.ima_withheld ? kAskForNames : kAllow);
  bool clean = found.unexpected.count + found.order.count + found.missing.count + found.ima.count == 0;
  if (clean && c.learnt != nullptr) c.learnt->log = clean_log(c, anchor, log, metadata, found.ima_events > 0);
}

}  // namespace

void measure_tpm(const Case& c, const Anchor& any, const ClaimedMetadata& metadata, Appraisal& out) {
  const TpmAnchor& anchor = std::get<TpmAnchor>(any);
  Verdict& verdict = out.verdict;
  if (!note(verdict, check::kPcrStartValue, check_start(anchor))) return;
  if (Failed ima = check_ima_log(c, anchor)) note(verdict, check::kImaMissing, std::move(ima));  // policy: go on
  if (known_clean(c, metadata)) return pass_clean(*c.known->log, out);
  Replayed log;
  if (!note(verdict, check::kPcrReplay, replay_any(c, anchor, metadata, log))) return;
  compare(c, anchor, log, metadata, out);
}

}  // namespace attest
