#include "verifier/logs/ima.h"

#include "evidence/core/hex.h"
#include "verifier/logs/ima_parts.h"
#include "verifier/logs/ima_replay.h"

namespace attest {
namespace {

HashAlg alg_of_size(std::size_t size) {
  for (HashAlg alg : {HashAlg::sha256, HashAlg::sha384, HashAlg::sha512})
    if (digest_size(alg) == size) return alg;
  return HashAlg::sha1;
}

std::vector<HashAlg> banks_for(HashAlg stored, const PcrValues& pcrs) {
  std::vector<HashAlg> banks{HashAlg::sha1, HashAlg::sha256};
  for (HashAlg alg : {HashAlg::sha384, HashAlg::sha512})
    if (alg == stored || pcrs.contains(static_cast<std::uint16_t>(alg))) banks.push_back(alg);
  return banks;
}

void keep_values(const ImaReplay& replay, ImaJudgement& out) {
  for (const ImaReplay::Form& form : replay.forms()) {
    ImaJudgement::Replayed kept{form.bank, form.padded, {}};
    for (std::uint32_t pcr = 0; pcr < ImaReplay::kPcrs; pcr++)
      if (form.touched[pcr]) kept.values[pcr] = form.values[pcr];
    if (!kept.values.empty()) out.replayed.push_back(std::move(kept));
  }
}

std::string form_name(const ImaReplay::Form& form) {
  return std::string(hash_alg_name(form.bank)) + (form.padded ? ", SHA-1 padded with zeros" : "");
}

// A register is explained if any form leads to its value, after all entries or after a first part of them: the
// list grows while a quote is taken.
void judge_register(const ImaReplay& replay, HashAlg bank, std::uint32_t pcr, std::size_t entries, Findings& checks) {
  const ImaReplay::Form* best = nullptr;
  bool extended = false;
  View expected, measured;
  for (const ImaReplay::Form& form : replay.forms()) {
    if (form.bank != bank || !form.expected.contains(pcr)) continue;
    extended = extended || form.touched[pcr];
    expected = form.expected.at(pcr).view();
    if (measured.empty()) measured = form.values[pcr].view();
    if (form.reached.contains(pcr) && (best == nullptr || form.reached.at(pcr) > best->reached.at(pcr))) best = &form;
  }
  if (!extended) return;
  std::string where = "PCR " + std::to_string(pcr) + " (" + hash_alg_name(bank) + ")";
  if (best == nullptr)
    return checks.fail(check::ima::kPcr, where + " is not what the list replays to, nor any first part of it", to_hex(expected),
                       to_hex(measured));
  checks.pass(check::ima::kPcr, where + ": " + form_name(*best));
  std::size_t reached = best->reached.at(pcr);
  if (reached < entries)
    checks.pass(check::ima::kPrefix, std::to_string(reached) + " of " + std::to_string(entries) + " entries were measured by then");
}

void judge_pcrs(const ImaReplay& replay, const PcrValues& pcrs, std::size_t entries, Findings& checks) {
  for (const auto& [alg, values] : pcrs)
    if (auto bank = hash_alg_from_id(alg))
      for (const auto& [pcr, value] : values) judge_register(replay, *bank, pcr, entries, checks);
}

void judge_hashes(const ImaList& list, const ImaOptions& options, ImaJudgement& out) {
  std::size_t reported = 0;
  for (std::size_t i : out.wrong_hashes) {
    if (reported++ == options.max_reported) break;
    ImaHint hint = ima_hint(list.entries[i].template_name, list.entries[i].data);
    out.checks.fail(check::ima::kTemplateHash, "entry " + std::to_string(i) + " (" + hint.name + "): the template hash is not that of its data",
                    {}, to_hex(list.entries[i].template_hash));
  }
  if (out.wrong_hashes.empty()) out.checks.pass(check::ima::kTemplateHash);
  if (out.violations == 0) return;
  std::string count = std::to_string(out.violations) + " entries";
  std::string why = "files were open for writing while they were measured: what was read is not known";
  if (options.rules.no_violations)
    out.checks.fail(check::ima::kViolations, why, "0 entries", count);
  else
    out.checks.warn(check::ima::kViolations, why, "0 entries", count);
}

}  // namespace

Result<ImaJudgement> judge_ima(const ImaList& list, std::size_t hash_size, const ImaOptions& options) {
  ImaJudgement out;
  HashAlg stored = alg_of_size(hash_size);
  TRY(ImaReplay replay, ImaReplay::make(stored, banks_for(stored, options.pcrs)));
  for (const auto& [alg, values] : options.pcrs)
    if (auto bank = hash_alg_from_id(alg))
      for (const auto& [pcr, value] : values) replay.expect(*bank, pcr, value);
  out.checks.pass(check::ima::kForm, std::to_string(list.entries.size()) + " entries");
  if (list.stray_bytes > 0)
    out.checks.warn(check::ima::kForm, std::to_string(list.stray_bytes) + " bytes behind the last entry are no entry");
  std::pair<std::string_view, std::size_t> run;  // lists are long runs of one template
  auto end_run = [&] {
    if (run.second > 0) out.templates[std::string(run.first)] += run.second;
  };
  for (std::size_t i = 0; i < list.entries.size(); i++) {
    const ImaEntry& entry = list.entries[i];
    TRY(bool right, replay.extend(entry));
    if (!right) out.wrong_hashes.push_back(i);
    if (entry.violation()) out.violations++;
    if (entry.template_name != run.first) {
      end_run();
      run = {entry.template_name, 0};
    }
    run.second++;
  }
  end_run();
  keep_values(replay, out);
  judge_hashes(list, options, out);
  judge_pcrs(replay, options.pcrs, list.entries.size(), out.checks);
  judge_boot_aggregate(list, options, out);
  judge_signatures(list, options, out);
  judge_files(list, options, out);
  return out;
}

}  // namespace attest
