#include "verifier/logs/event_log.h"

#include "evidence/core/hex.h"
#include "evidence/logs/tcg_event_text.h"
#include "verifier/logs/judge_boot.h"

namespace attest {
namespace {

// The bank whose digests name images: sha256 where there is one (reference values have it), else the last.
std::uint16_t naming_bank(const std::vector<BankValues>& banks) {
  for (const BankValues& bank : banks)
    if (bank.alg == static_cast<std::uint16_t>(HashAlg::sha256)) return bank.alg;
  return banks.empty() ? 0 : banks.back().alg;
}

std::string register_name(std::uint32_t reg, std::string_view bank, bool confidential) {
  if (confidential) return "RTMR " + std::to_string(reg - 1) + " (" + std::string(bank) + ")";
  return "PCR " + std::to_string(reg) + " (" + std::string(bank) + ")";
}

bool is_start(View value) {
  return std::ranges::all_of(value, [](std::uint8_t b) { return b == 0; }) ||
         std::ranges::all_of(value, [](std::uint8_t b) { return b == 0xff; });
}

// Every register that both sides know. A register the log never extends may still hold its start value.
void judge_bank(const BankValues& bank, const std::map<std::uint32_t, Bytes>& expected, bool confidential,
                std::size_t& compared, Findings& checks) {
  for (const auto& [reg, value] : expected) {
    auto found = bank.values.find(reg);
    if (found == bank.values.end() && (reg > 7 || is_start(value))) continue;
    compared++;
    if (found == bank.values.end()) {
      checks.fail(check::log::kPcrs, register_name(reg, bank.name, confidential) + " was extended, the log does not say by what",
                  to_hex(value));
      continue;
    }
    if (equal(found->second.view(), value)) continue;
    std::string why = register_name(reg, bank.name, confidential) + " is not what the log replays to";
    if (is_start(value)) why += ": it was never extended";
    checks.fail(check::log::kPcrs, why, to_hex(value), to_hex(found->second.view()));
  }
}

void judge_pcrs(const EventLogOptions& options, EventLogJudgement& out) {
  if (options.pcrs.empty()) return;
  std::size_t compared = 0, before = out.checks.checks.size();
  for (const BankValues& bank : out.banks)
    if (auto expected = options.pcrs.find(bank.alg); expected != options.pcrs.end())
      judge_bank(bank, expected->second, options.confidential, compared, out.checks);
  if (compared == 0)
    out.checks.fail(check::log::kPcrs, "the log and the values given have no register of a bank in common");
  else if (out.checks.checks.size() == before)
    out.checks.pass(check::log::kPcrs, std::to_string(compared) + " registers");
}

void judge_data(const TcgEventLog& log, const EventLogOptions& options, EventLogJudgement& out) {
  std::size_t broken = 0, contrary = 0, first = 0;
  const std::vector<Binding>& bindings = out.findings.bindings;
  for (std::size_t i = bindings.size(); i-- > 0;) {
    if (bindings[i] != Binding::broken && bindings[i] != Binding::contrary) continue;
    (bindings[i] == Binding::broken ? broken : contrary)++;
    first = i;
  }
  if (broken + contrary == 0) return out.checks.pass(check::log::kData);
  std::string where = "record " + std::to_string(first) + " (" + tcg_event_type_name(log.events[first].type) + ", PCR " +
                      std::to_string(log.events[first].pcr) + ")";
  std::string count = std::to_string(broken + contrary) + " records";
  if (contrary > 0)
    out.checks.fail(check::log::kData, "data matches its digest in one bank and not in another: " + where, {}, count);
  else if (options.rules.data)
    out.checks.fail(check::log::kData, "data is not what its digest was made of: " + where, {}, count);
  else
    out.checks.warn(check::log::kData, "data is not what its digest was made of, some firmware does so: " + where, {},
                    count);
}

}  // namespace

Result<EventLogJudgement> judge_event_log(const TcgEventLog& log, const EventLogOptions& options) {
  EventLogJudgement out;
  std::uint8_t locality = log.startup_locality.value_or(0);
  out.checks.pass(check::log::kForm, std::to_string(log.events.size()) + " records");
  if (locality != 0 && locality != 3 && locality != 4)
    out.checks.fail(check::log::kForm, "StartupLocality is neither 0 nor 3 nor 4", {}, std::to_string(locality));
  TRY(out.findings, find_bindings(log));
  TRY(out.banks, replay_banks(log));
  out.bank = naming_bank(out.banks);
  out.secure_boot = find_secure_boot(log, out.findings, options.confidential ? 1 : 7);
  out.chain = find_boot_chain(log, out.findings, out.secure_boot, out.bank, options.confidential ? 3 : 8);
  judge_pcrs(options, out);
  judge_data(log, options, out);
  judge_boot(log, options, out);
  return out;
}

}  // namespace attest
