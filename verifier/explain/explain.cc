#include "verifier/explain/explain.h"

#include <algorithm>

#include "evidence/core/printable.h"
#include "evidence/json/writer.h"
#include "verifier/checks.h"
#include "verifier/references/sentences.h"

namespace attest {
namespace {

constexpr std::size_t kColumn = 10;
constexpr std::size_t kMaxLine = 4000;

// Lines writes two columns: a label once, then what belongs to it. A stored verdict quotes names a peer chose, so nothing leaves
// here that could move a terminal.
class Lines {
 public:
  void add(std::string_view label, std::string_view text) {
    std::string head(label);
    head.resize(kColumn, ' ');
    out_ += printable(head.append(text), kMaxLine) + "\n";
  }
  void more(std::string_view text) { add("", text); }
  std::string finish() && { return std::move(out_); }

 private:
  std::string out_;
};

std::string who(const Refusal& r) {
  std::string out = r.peer.empty() ? "a peer without a name" : printable(r.peer);
  out += std::string(" as ") + role_name(r.role);
  if (!r.caller.empty()) out += " for " + printable(r.caller);
  if (r.uid >= 0) out += (r.caller.empty() ? " for uid " : " (uid ") + std::to_string(r.uid) + (r.caller.empty() ? "" : ")");
  return out + ", " + format_rfc3339(r.when);
}

std::string padded(std::string text, std::size_t width) {
  text.resize(std::max(width, text.size()), ' ');
  return text;
}

// values shows what was measured above what was expected, names in one column.
std::vector<std::string> values(const Mismatch& m, bool whole) {
  std::size_t width = std::max(m.measured_name.size(), m.expected_name.size());
  std::vector<std::string> out;
  auto line = [&](const char* label, const std::string& name, const std::string& digest) {
    std::string gap = width == 0 ? "" : padded(name, width) + "   ";
    return std::string(label) + gap + (whole ? digest : digest.substr(0, 12));
  };
  if (!m.measured_digest.empty()) out.push_back(line("measured  ", m.measured_name, m.measured_digest));
  if (!m.expected_digest.empty())
    out.push_back(line("expected  ", m.expected_name, m.expected_digest) + "   (" + source_words(m) + ")");
  return out;
}

std::string headline(const Mismatch& m) {
  if (m.check == check::kPcrMissing)
    return value_words(m.expected_name, "") + (m.expected_name.empty() ? "an event" : "") + " was not measured into PCR " +
           std::to_string(m.reg) + ", but the signed references demand it";
  if (m.check == check::kPcrOrder) return place_words(m) + " is known, but was measured at another place or too often";
  return place_words(m) + " is not in the signed references";
}

std::string plural(std::uint64_t n, const char* one, const char* many) {
  return std::to_string(n) + " " + (n == 1 ? one : many);
}

// context says how far the log agreed, and how much more disagrees.
std::string context(const Refusal& r) {
  const std::vector<Mismatch>& all = r.appraisal.verdict.mismatches();
  std::uint64_t later = all.size() - 1 + r.appraisal.mismatches_omitted;
  std::string out;
  if (all.front().check != check::kPcrMissing && all.front().anchor == anchor_name(AnchorKind::tpm))
    out = all.front().event == 0 ? "it is the first event"
                                 : "everything before it matches (events 0-" + std::to_string(all.front().event - 1) + ")";
  if (later == 0) return out;
  return out + (out.empty() ? "" : "; ") + plural(later, "later disagreement", "later disagreements");
}

void mismatches(Lines& lines, const Refusal& r, const ExplainOptions& options) {
  const std::vector<Mismatch>& all = r.appraisal.verdict.mismatches();
  std::size_t shown = options.whole ? all.size() : std::min(all.size(), options.listed);
  for (std::size_t i = 0; i < shown; i++) {
    lines.add(i == 0 ? "because" : "and", headline(all[i]));
    for (const std::string& value : values(all[i], options.whole)) lines.more(value);
    if (i == 0 && !context(r).empty()) lines.more(context(r));
  }
  std::uint64_t hidden = all.size() - shown + r.appraisal.mismatches_omitted;
  if (hidden > 0) lines.add("and", plural(hidden, "more like it", "more like these") + (options.whole ? "" : " (-v shows them)"));
}

bool has_mismatch(const Appraisal& a, const std::string& id) {
  return std::ranges::any_of(a.verdict.mismatches(), [&](const Mismatch& m) { return m.check == id; });
}

std::string page(const std::string& name) { return "docs/refusals/" + name + ".md"; }

// reasons lists the failed checks that have no mismatch of their own, then the warnings.
void reasons(Lines& lines, const Refusal& r) {
  bool first = r.appraisal.verdict.mismatches().empty();
  for (const Check& c : r.appraisal.verdict.checks()) {
    if (c.outcome != Outcome::fail || has_mismatch(r.appraisal, c.id)) continue;
    lines.add(first ? "because" : "and", c.id == r.name ? c.why : c.id + ": " + c.why);
    first = false;
  }
  if (first && !r.why.empty()) lines.add("because", r.why);
  for (const Check& c : r.appraisal.verdict.checks())
    if (c.outcome == Outcome::warn) lines.add("warning", c.id + ": " + c.why);
}

void advice(Lines& lines, const Refusal& r) {
  std::string likely = likely_cause(r.appraisal);
  std::string allow = allow_command(r);
  if (!likely.empty()) lines.add("likely", likely);
  if (std::ranges::find(r.appraisal.verdict.mismatches(), kImaWithheld, &Mismatch::event_type) != r.appraisal.verdict.mismatches().end())
    lines.add("names", kAskForNames);
  if (!allow.empty()) lines.add("to allow", allow + "   (then sign and publish)");
  if (allow.empty() && !r.remedy.empty()) lines.add("remedy", r.remedy);
  if (!r.name.empty()) lines.add("more", page(r.name));
}

}  // namespace

std::string explain_text(const Refusal& r, const ExplainOptions& options) {
  Lines lines;
  lines.add(r.outcome.empty() ? "refused" : r.outcome, who(r) + (r.name.empty() ? "" : ", " + r.name));
  if (!r.appraisal.verdict.mismatches().empty()) mismatches(lines, r, options);
  reasons(lines, r);
  if (r.name.empty() && !r.appraisal.image.empty())
    lines.add("runs", r.appraisal.image + ", " + plural(r.appraisal.events, "measured event", "measured events") + ", all known");
  advice(lines, r);
  return std::move(lines).finish();
}

std::string explain_json(const Refusal& r) {
  JsonWriter out;
  out.object().field("id", r.id).field("when", format_rfc3339(r.when)).field("outcome", r.outcome).field("name", r.name);
  out.field("peer", r.peer).field("role", role_name(r.role)).field("policy", r.policy).field("summary", who(r));
  out.key("because").array();
  for (const Mismatch& m : r.appraisal.verdict.mismatches()) {
    out.object().field("check", m.check).field("text", headline(m));
    out.key("values").array();
    for (const std::string& value : values(m, true)) out.text(value);
    out.end_array().end_object();
  }
  for (const Check& c : r.appraisal.verdict.checks())
    if (c.outcome == Outcome::fail && !has_mismatch(r.appraisal, c.id))
      out.object().field("check", c.id).field("text", c.why).end_object();
  out.end_array().field("likely", likely_cause(r.appraisal)).field("remedy", r.remedy).field("allow", allow_command(r));
  out.key("appraisal").raw(appraisal_json(r.appraisal)).end_object();
  return std::move(out).finish();
}

}  // namespace attest
