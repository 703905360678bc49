#include "verifier/references/match.h"

#include <algorithm>

#include "evidence/core/hex.h"
#include "evidence/core/printable.h"
#include "verifier/checks.h"
#include "verifier/references/sentences.h"

namespace attest {
namespace {

constexpr std::size_t kMaxName = 200;  // characters of a name that we keep

// mismatch_of fills in what was measured; set_expected the reference value beside it.
Mismatch mismatch_of(const JudgedEvent& event, std::string_view check_id) {
  Mismatch m;
  m.check = check_id;
  m.anchor = anchor_name(AnchorKind::tpm);
  m.reg = event.pcr;
  m.event = event.position;
  m.measured_digest = to_hex(event.digest->view());
  m.event_type = event.kind != LogKind::ima ? "" : event.withheld ? kImaWithheld : "IMA";
  if (event.full == nullptr) return m;
  m.measured_name = measured_text(*event.full, event.kind);
  m.event_type = measured_type(*event.full, event.kind);
  return m;
}

void set_expected(Mismatch& m, const ReferenceIndex& index, const Place& place) {
  const NamedManifest& manifest = index.manifests()[place.manifest];
  const Digest* digest = index.digest_of(place);
  m.expected_name = printable(place.value->description.empty() ? place.value->name : place.value->description, kMaxName);
  if (digest != nullptr) m.expected_digest = to_hex(digest->view());
  if (m.measured_name.empty() && m.measured_digest == m.expected_digest) m.measured_name = m.expected_name;
  m.manifest = manifest.name;
  m.manifest_version = manifest.version;
  m.entry = place.entry;
}

}  // namespace

Matcher::Matcher(const ReferenceIndex& index)
    : index_(index), state_(index), ima_seen_(index.twins().size()), nearest_(index) {
  usable_.reserve(index.twins().size());
  for (const Twins& twins : index.twins()) usable_.push_back(twins.first);
  skipped_ = usable_;
}

void Matcher::judge(const JudgedEvent& event) {
  if (event.kind == LogKind::ima)
    judge_ima(event);
  else
    judge_boot(event);
}

// next_usable moves on to the first place of the Twins that nothing took and no later event passed over.
std::uint32_t Matcher::next_usable(std::uint32_t at) {
  const Twins& twins = index_.twins()[at];
  std::uint32_t passed = index_.groups()[twins.group].ordered ? state_.cursor[twins.group] : 0;
  std::uint32_t& place = usable_[at];
  while (place != kNone && ((state_.places[place] & MatchState::kTaken) != 0 || index_.places()[place].position < passed))
    place = index_.places()[place].next_twin;
  return place;
}

// next_skipped moves on to the first place of the Twins that was passed over without a match.
std::uint32_t Matcher::next_skipped(std::uint32_t at) {
  const Twins& twins = index_.twins()[at];
  if (!index_.groups()[twins.group].ordered) return kNone;
  std::uint32_t& place = skipped_[at];
  while (place != kNone && (state_.places[place] & MatchState::kTaken) != 0) place = index_.places()[place].next_twin;
  if (place == kNone || index_.places()[place].position >= state_.cursor[twins.group]) return kNone;
  return place;
}

// fits: no mandatory place stands between the cursor of an ordered group and this one.
bool Matcher::fits(std::uint32_t at) const {
  const Place& place = index_.places()[at];
  const Group& group = index_.groups()[place.group];
  if (!group.ordered) return true;
  return place.position <= group.next_mandatory[state_.cursor[place.group]];  // kNone: nothing mandatory is left
}

void Matcher::take(std::uint32_t at) {
  const Place& place = index_.places()[at];
  const Group& group = index_.groups()[place.group];
  state_.places[at] |= MatchState::kTaken;
  state_.active[group.pcr] = place.group;
  if (!group.ordered) return;
  std::uint32_t next = place.position + 1;
  state_.cursor[place.group] = next;
  state_.pair[place.group] = std::max(state_.pair[place.group], next);  // never back: finding neighbours stays linear
}

void Matcher::judge_boot(const JudgedEvent& event) {
  findings_.boot_events++;
  std::uint32_t head = index_.find(event.pcr, *event.digest);
  if (head == kNone) return unexpected(event);
  std::uint32_t ahead = kNone;
  std::uint32_t late = kNone;
  for (std::uint32_t at = head; at != kNone; at = index_.twins()[at].next) {
    std::uint32_t place = next_usable(at);
    if (place != kNone && fits(place)) return take(place);
    if (ahead == kNone) ahead = place;
    if (late == kNone) late = next_skipped(at);
  }
  if (late != kNone) {
    state_.places[late] |= MatchState::kTaken;
    return out_of_order(event, late, false);
  }
  // Known, but mandatory ones before it have not come. It is taken, so that what follows is judged from here; what was
  // passed over comes late, or is reported as missing in the end.
  if (ahead != kNone) return take(ahead);
  out_of_order(event, index_.twins()[head].first, true);
}

void Matcher::judge_ima(const JudgedEvent& event) {
  findings_.ima_events++;
  std::uint32_t head = event.violation ? kNone : index_.find(event.pcr, *event.digest);
  if (head == kNone) return ima_unexpected(event);
  ima_seen_[head] = 1;
}

// keep: this one is told in full. A log of 200,000 unknown entries is counted, not told.
bool Matcher::keep(LogFindings::Kind& kind) {
  kind.count++;
  if (kind.count == 1 || findings_.mismatches.size() < LogFindings::kMaxMismatches) return true;
  findings_.omitted++;
  return false;
}

void Matcher::record(LogFindings::Kind& kind, Mismatch mismatch, std::string sentence) {
  if (kind.count == 1) kind.first = std::move(sentence);
  findings_.mismatches.push_back(std::move(mismatch));
}

void Matcher::unexpected(const JudgedEvent& event) {
  if (!keep(findings_.unexpected)) return;
  Mismatch m = mismatch_of(event, check::kPcrUnexpected);
  std::uint32_t near = nearest_.find(event.pcr, m.measured_name, state_);
  if (near != kNone) set_expected(m, index_, index_.places()[near]);
  std::string sentence = unexpected_sentence(m);
  record(findings_.unexpected, std::move(m), std::move(sentence));
}

void Matcher::ima_unexpected(const JudgedEvent& event) {
  findings_.ima_withheld |= event.withheld;
  if (!keep(findings_.ima)) return;
  Mismatch m = mismatch_of(event, check::kImaUnexpected);
  std::uint32_t near = nearest_.by_name(event.pcr, m.measured_name, state_);
  if (near != kNone) set_expected(m, index_, index_.places()[near]);
  std::string sentence = unexpected_sentence(m);
  record(findings_.ima, std::move(m), std::move(sentence));
}

void Matcher::out_of_order(const JudgedEvent& event, std::uint32_t place, bool again) {
  if (!keep(findings_.order)) return;
  Mismatch m = mismatch_of(event, check::kPcrOrder);
  set_expected(m, index_, index_.places()[place]);
  std::string sentence = order_sentence(m, again);
  record(findings_.order, std::move(m), std::move(sentence));
}

void Matcher::missing(const Place& place, bool has_digest, const std::vector<std::uint8_t>& quoted) {
  if (!keep(findings_.missing)) return;
  Mismatch m;
  m.check = check::kPcrMissing;
  m.anchor = anchor_name(AnchorKind::tpm);
  m.reg = place.value->reg;
  m.event = findings_.boot_events + findings_.ima_events;
  set_expected(m, index_, place);
  bool is_quoted = std::ranges::find(quoted, place.value->reg) != quoted.end();
  std::string sentence = missing_sentence(m, is_quoted, has_digest, index_.bank());
  record(findings_.missing, std::move(m), std::move(sentence));
}

LogFindings Matcher::finish(const std::vector<std::uint8_t>& quoted) && {
  for (std::uint32_t at = 0; at < index_.places().size(); at++) {
    const Place& place = index_.places()[at];
    if (place.value->optional || state_.places[at] != 0) continue;
    if (ima_seen_[index_.twins()[place.twins].head] != 0) continue;
    missing(place, true, quoted);
  }
  for (const Place& place : index_.without_digest()) missing(place, false, quoted);
  return std::move(findings_);
}

}  // namespace attest
