#include "apps/attestctl/prediction.h"

#include <algorithm>

#include "apps/attestctl/artefacts/eventlog_facts.h"
#include "evidence/logs/log_references.h"

namespace attest::ctl {
namespace {

using Change = PredictedEvent::Change;

// predicted_at: what becomes of an event of the log itself.
const PredictedEvent* predicted_at(const Prediction& prediction, std::size_t event) {
  for (const PredictedEvent& p : prediction.events)
    if (p.event == event && p.change != Change::added) return &p;
  return nullptr;
}

ReferenceValue with_digests(ReferenceValue value, const PredictedEvent& predicted) {
  for (auto& [alg, digest] : value.hashes)
    for (const auto& [id, now] : predicted.digests)
      if (static_cast<std::uint16_t>(alg) == id) digest = now;
  return value;
}

// An aggregate is the hash of the first registers of one bank; which, the list's first entry shows.
Result<Digest> next_aggregate(const ImaHint& hint, HashAlg alg, const Prediction& prediction) {
  for (std::size_t i = 0; i < prediction.before.size() && i < prediction.after.size(); i++)
    for (std::uint32_t pcrs : {10U, 8U})
      if (equal(boot_aggregate(prediction.before[i], pcrs, alg).view(), hint.digest))
        return boot_aggregate(prediction.after[i], pcrs, alg);
  return Error{Errc::mismatch, "predict: boot_aggregate of the IMA list is not what the event log replays to; both must be of one boot"};
}

Result<ReferenceValue> next_first_entry(const ImaEntry& entry, const ImaHint& hint, const Prediction& prediction) {
  auto alg = hash_alg_from_name(hint.digest_alg.empty() ? "sha1" : hint.digest_alg);
  if (!alg) return Error{Errc::unsupported, "predict: boot_aggregate is of an unknown hash"};
  TRY(Digest digest, next_aggregate(hint, *alg, prediction));
  return ima_file_reference(entry.template_name, {hint.name, *alg, digest, {}});
}

}  // namespace

std::vector<ReferenceValue> predicted_references(const TcgEventLog& log, const Prediction& prediction, bool both) {
  std::vector<ReferenceValue> out;
  bool confidential = is_confidential(log);
  auto put_next = [&](ReferenceValue next, const PredictedEvent& predicted) {
    next = with_digests(std::move(next), predicted);
    next.description = "after the update: " + (predicted.text.empty() ? next.description : predicted.text);
    next.optional = both;
    out.push_back(std::move(next));
  };
  for (std::size_t i = 0; i < log.events.size(); i++) {
    auto value = tcg_reference(log.events[i]);
    if (!value) continue;
    if (confidential) value->anchor = AnchorKind::tdx;  // registers 1 to 4 are called so in both
    const PredictedEvent* predicted = predicted_at(prediction, i);
    if (predicted != nullptr && predicted->change == Change::replaced) put_next(*value, *predicted);
    if (predicted == nullptr || both) {
      out.push_back(*value);
      out.back().optional = predicted != nullptr;
    }
    for (const PredictedEvent& added : prediction.events)
      if (added.event == i && added.change == Change::added) put_next(*value, added);
  }
  return out;
}

Result<std::vector<ReferenceValue>> predicted_files(const ImaList& list, const Prediction& prediction, bool both) {
  TRY(std::vector<ReferenceValue> out, ima_references(list));
  if (list.entries.empty() || out.empty() || list.entries[0].violation()) return out;
  const ImaEntry& first = list.entries[0];
  ImaHint hint = ima_hint(first.template_name, first.data);
  if (hint.name != "boot_aggregate") return out;
  TRY(ReferenceValue next, next_first_entry(first, hint, prediction));
  if (*next.hash(HashAlg::sha256) == *out[0].hash(HashAlg::sha256)) return out;
  next.optional = out[0].optional = both;
  next.description = "after the update";
  if (both)
    out.insert(out.begin(), std::move(next));
  else
    out[0] = std::move(next);
  return out;
}

}  // namespace attest::ctl
