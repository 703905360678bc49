#include "verifier/logs/cel.h"

#include "evidence/core/hex.h"

namespace attest {
namespace {

using cel::CelRecord;
using cel::Register;

// systemd hashes the text it logs; keys of volumes alone are hashed with a secret.
bool promised(const CelRecord& record) {
  constexpr std::string_view kTypes[] = {"phase", "filesystem", "machine-id", "product-id"};
  if (record.content_type == "ima_template" || record.content_type == "cos" || record.content_type == "ima_tlv") return true;
  return record.content_type == "systemd" && std::ranges::find(kTypes, record.name) != std::end(kTypes);
}

View measured(const CelRecord& record) {
  return record.content_type == "systemd" && record.data.empty() ? as_view(record.text) : View(record.data);
}

Binding judge_firmware_event(const CelRecord& record) {
  TcgEventLog log;
  TcgEvent event{record.reg, record.event_type, {}, record.data, 0};
  for (const cel::CelDigest& digest : record.digests) {
    event.digests.push_back({digest.alg, digest.value});
    log.algorithms.push_back({digest.alg, static_cast<std::uint16_t>(digest.value.size())});
  }
  auto rules = DataRules::make(log);
  return rules && event.extends() ? rules->judge(event) : Binding::free;
}

Binding judge_content(const CelRecord& record) {
  if (record.content_type == "pcclient_std") return judge_firmware_event(record);
  if (measured(record).empty()) return Binding::free;
  bool some = false, others = false;
  for (const cel::CelDigest& digest : record.digests) {
    auto bank = BankReplay::make(digest.alg, 0);
    if (bank) (equal(bank->hash({measured(record)}).view(), digest.value) ? some : others) = true;
  }
  if (some && others) return Binding::contrary;
  if (some) return Binding::bound;
  return others && promised(record) ? Binding::broken : Binding::free;
}

void judge_numbers(const cel::CelLog& log, Findings& checks) {
  std::map<std::pair<Register, std::uint32_t>, std::uint64_t> next;  // numbers are of the log, or of each register
  bool of_log = true, of_register = true, numbered = false;
  for (std::size_t i = 0; i < log.records.size(); i++) {
    const CelRecord& record = log.records[i];
    if (!record.number) continue;
    numbered = true;
    std::uint64_t& expected = next[{record.kind, record.reg}];
    of_register = of_register && *record.number == expected++;
    of_log = of_log && i > 0 ? *record.number == log.records[0].number.value_or(0) + i : of_log;
  }
  if (!numbered) return;
  if (of_log || of_register) return checks.pass(check::cel::kNumbers);
  checks.fail(check::cel::kNumbers, "record numbers do not follow each other: a record is missing, or in another place");
}

void judge_contents(const cel::CelLog& log, const std::vector<Binding>& bindings, Findings& checks) {
  std::size_t broken = 0, first = 0;
  for (std::size_t i = bindings.size(); i-- > 0;)
    if (bindings[i] == Binding::broken || bindings[i] == Binding::contrary) {
      broken++;
      first = i;
    }
  if (broken == 0) return checks.pass(check::cel::kContent);
  const CelRecord& record = log.records[first];
  checks.fail(check::cel::kContent, "record " + std::to_string(first) + " (" + record.content_type + " " + record.name + ") is not what was measured", {},
              std::to_string(broken) + " records");
}

Result<std::vector<BankValues>> replay(const cel::CelLog& log, const CelOptions& options) {
  std::map<std::uint16_t, BankReplay> banks;
  std::map<std::uint16_t, std::map<std::uint32_t, bool>> touched;
  for (const CelRecord& record : log.records) {
    // A record of an event that extends nothing has digests all the same.
    if (record.kind == Register::nv_index || (record.content_type == "pcclient_std" && record.event_type == kEvNoAction)) continue;
    std::uint32_t reg = record.kind == Register::rtmr ? record.reg + 1 : record.reg;
    for (const cel::CelDigest& digest : record.digests) {
      auto found = banks.find(digest.alg);
      if (found == banks.end()) {
        auto made = BankReplay::make(digest.alg, options.startup_locality);
        if (!made && made.error().code == Errc::unsupported) continue;
        if (!made) return std::move(made).error();
        found = banks.emplace(digest.alg, *std::move(made)).first;
        for (const BankValues& before : options.firmware)
          if (before.alg == digest.alg)
            for (const auto& [number, value] : before.values) found->second.start(number, value);
      }
      CHECK_OK(found->second.extend(reg, digest.value));
      touched[digest.alg][reg] = true;
    }
  }
  std::vector<BankValues> out;
  for (const auto& [alg, bank] : banks) {
    BankValues kept{alg, bank_name(alg), {}};
    for (const auto& [reg, value] : bank.values())
      if (touched[alg].contains(reg)) kept.values[reg] = value;
    out.push_back(std::move(kept));
  }
  return out;
}

void judge_pcrs(const CelOptions& options, CelJudgement& out) {
  std::size_t compared = 0, failures = 0;
  for (const BankValues& bank : out.banks) {
    auto expected = options.pcrs.find(bank.alg);
    if (expected == options.pcrs.end()) continue;
    for (const auto& [reg, value] : bank.values) {
      auto given = expected->second.find(reg);
      if (given == expected->second.end()) continue;
      compared++;
      if (equal(given->second, value.view())) continue;
      failures++;
      out.checks.fail(check::cel::kPcrs, "register " + std::to_string(reg) + " (" + bank.name + ") is not what the log replays to" +
                      (options.firmware.empty() ? "; what the firmware measured to it was not given" : ""),
                      to_hex(given->second), to_hex(value.view()));
    }
  }
  if (compared == 0) return out.checks.fail(check::cel::kPcrs, "the log and the values given have no register of a bank in common");
  if (failures == 0) out.checks.pass(check::cel::kPcrs, std::to_string(compared) + " registers");
}

}  // namespace

Result<CelJudgement> judge_cel(const cel::CelLog& log, const CelOptions& options) {
  CelJudgement out;
  out.checks.pass(check::cel::kForm, std::to_string(log.records.size()) + " records");
  for (const CelRecord& record : log.records) out.bindings.push_back(judge_content(record));
  TRY(out.banks, replay(log, options));
  judge_numbers(log, out.checks);
  judge_contents(log, out.bindings, out.checks);
  if (!options.pcrs.empty()) judge_pcrs(options, out);
  return out;
}

}  // namespace attest
