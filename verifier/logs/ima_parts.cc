#include "verifier/logs/ima_parts.h"

#include "evidence/core/hex.h"
#include "evidence/logs/ima/template.h"
#include "evidence/logs/log_references.h"

namespace attest {
namespace {

constexpr std::string_view kBootAggregate = "boot_aggregate";

// The values of PCR 0 to 9 of each bank: as given, or as the firmware's log replays; untouched ones are zero.
std::vector<BankValues> firmware_banks(const ImaOptions& options) {
  std::vector<BankValues> banks = options.firmware;
  if (!banks.empty()) return banks;
  for (const auto& [alg, values] : options.pcrs) {
    BankValues bank{alg, bank_name(alg), {}};
    for (const auto& [pcr, value] : values)
      if (pcr < 10) bank.values[pcr] = Digest::of(value);
    if (!bank.values.empty()) banks.push_back(std::move(bank));
  }
  return banks;
}

const char* state_text(SignatureState state) {
  switch (state) {
    case SignatureState::unknown_key: return "is of a key that is not among those given";
    case SignatureState::bad: return "does not verify: it is of another file, or the file was changed";
    case SignatureState::unsupported: return "is of a kind that is not judged";
    case SignatureState::malformed: return "has no signature's form";
    default: return "is missing";
  }
}

bool allowed(const std::unordered_map<std::string, std::vector<Bytes>>& files, const ImaHint& hint, bool& known,
             std::string& expected) {
  auto found = files.find(hint.name);
  if (found == files.end()) return false;
  known = true;
  for (const Bytes& digest : found->second) {
    if (equal(digest, hint.digest)) return true;
    expected += (expected.empty() ? "" : " or ") + to_hex(digest);
  }
  return false;
}

bool excluded(const ImaRules& rules, std::string_view name) {
  return std::ranges::any_of(rules.exclude, [&](const std::string& p) { return matches_pattern(p, name); });
}

}  // namespace

bool matches_pattern(std::string_view pattern, std::string_view text) {
  std::size_t p = 0, t = 0, star = pattern.npos, resume = 0;
  while (t < text.size()) {
    if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == text[t]) && pattern[p] != '*') {
      p++;
      t++;
    } else if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resume = t;
    } else if (star != pattern.npos) {
      p = star + 1;
      t = ++resume;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') p++;
  return p == pattern.size();
}

void judge_boot_aggregate(const ImaList& list, const ImaOptions& options, ImaJudgement& out) {
  if (list.entries.empty()) return;
  ImaHint hint = ima_hint(list.entries[0].template_name, list.entries[0].data);
  if (hint.name != kBootAggregate) return;
  out.boot_aggregate = to_bytes(hint.digest);
  auto alg = hash_alg_from_name(hint.digest_alg);
  std::vector<BankValues> banks = firmware_banks(options);
  if (!alg || banks.empty()) return;
  for (const BankValues& bank : banks)
    for (std::uint32_t last : {7U, 9U})
      if (!bank.values.empty() && equal(boot_aggregate(bank, last + 1, *alg).view(), hint.digest))
        out.boot_aggregate_rules.push_back(bank.name + "_pcr0-" + std::to_string(last));
  if (!out.boot_aggregate_rules.empty()) return out.checks.pass(check::ima::kBootAggregate, out.boot_aggregate_rules[0]);
  bool none = std::ranges::all_of(hint.digest, [](std::uint8_t b) { return b == 0; });
  out.checks.fail(check::ima::kBootAggregate,
                  none ? "the kernel found no TPM when it began" : "the list belongs to another boot: it is no hash of PCR 0 to 7 or 0 to 9", {},
                  to_hex(hint.digest));
}

void judge_signatures(const ImaList& list, const ImaOptions& options, ImaJudgement& out) {
  if (options.keys.empty() && !options.rules.signatures) return;
  std::size_t failures = 0;
  for (std::size_t i = 0; i < list.entries.size(); i++) {
    const ImaEntry& entry = list.entries[i];
    SignatureState state = check_ima_signature(entry, options.keys);
    if (state != SignatureState::none) out.signed_entries++;
    if (state == SignatureState::good) out.good_signatures++;
    if (state == SignatureState::good || (state == SignatureState::none && !options.rules.signatures)) continue;
    ImaHint hint = ima_hint(entry.template_name, entry.data);
    bool none_needed = i == 0 && hint.name == kBootAggregate;
    if (none_needed || excluded(options.rules, hint.name)) continue;
    if (failures++ < options.max_reported)
      out.checks.fail(check::ima::kSignatures, "entry " + std::to_string(i) + " (" + hint.name + "): the signature " + state_text(state));
  }
  if (failures == 0)
    out.checks.pass(check::ima::kSignatures, std::to_string(out.good_signatures) + " of " + std::to_string(list.entries.size()) + " entries");
}

void judge_files(const ImaList& list, const ImaOptions& options, ImaJudgement& out) {
  const ImaRules& rules = options.rules;
  if (rules.files.empty()) return;
  bool window = !rules.old_files.empty() && (!rules.old_until || options.at <= *rules.old_until);
  std::size_t failures = 0, judged = 0;
  for (std::size_t i = 0; i < list.entries.size(); i++) {
    const ImaEntry& entry = list.entries[i];
    ImaHint hint = ima_hint(entry.template_name, entry.data);
    if ((i == 0 && hint.name == kBootAggregate) || excluded(rules, hint.name)) continue;
    judged++;
    bool known = false;
    std::string expected;
    // A violation's digest says nothing of what was read.
    bool good = !entry.violation() && (allowed(rules.files, hint, known, expected) ||
                                       (window && allowed(rules.old_files, hint, known, expected)));
    if (good || failures++ >= options.max_reported) continue;
    std::string why = "entry " + std::to_string(i) + " (" + hint.name + ") ";
    why += entry.violation() ? "is a violation" : known ? "has another digest than it may have" : "is not among the files that may be read";
    out.checks.fail(check::ima::kFiles, why, expected, to_hex(hint.digest));
  }
  if (failures == 0) out.checks.pass(check::ima::kFiles, std::to_string(judged) + " entries");
}

}  // namespace attest
