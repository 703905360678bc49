#include "verifier/logs/judge_boot.h"

#include "evidence/core/hex.h"
#include "evidence/logs/tcg_event_text.h"
#include "verifier/logs/event_log.h"

namespace attest {
namespace {

const char* state_name(SecureBoot::State state) {
  return state == SecureBoot::State::on ? "on" : state == SecureBoot::State::off ? "off" : "not proven";
}

void settle(Findings& checks, bool demanded, std::string_view id, std::string why, std::string expected = {},
            std::string measured = {}) {
  if (demanded)
    checks.fail(id, std::move(why), std::move(expected), std::move(measured));
  else
    checks.warn(id, std::move(why), std::move(expected), std::move(measured));
}

void judge_secure_boot(const EventLogRules& rules, const SecureBoot& found, Findings& checks) {
  std::string measured = state_name(found.state);
  std::string expected = rules.secure_boot ? (*rules.secure_boot ? "on" : "off") : "";
  if (found.contradictory)
    return checks.fail(check::log::kSecureBoot, "SecureBoot was measured twice with different values");
  if (rules.secure_boot && measured != expected)
    return checks.fail(check::log::kSecureBoot, "Secure Boot is " + measured, expected, measured);
  bool claimed = found.variable.has_value() && found.state == SecureBoot::State::unknown;
  if (claimed)
    return checks.warn(check::log::kSecureBoot, "the log shows SecureBoot, but not so that its digest proves it");
  if (found.state == SecureBoot::State::on && (found.setup_mode || found.audit_mode))
    return settle(checks, rules.secure_boot.has_value(), check::log::kSecureBoot, "keys can be changed: setup or audit mode");
  checks.pass(check::log::kSecureBoot, measured);
}

void judge_modes(const EventLogRules& rules, const SecureBoot& found, Findings& checks) {
  if (found.debug_mode)
    settle(checks, rules.no_debug, check::log::kDebug, "the firmware was in debug mode");
  else
    checks.pass(check::log::kDebug);
  if (found.dma_unprotected)
    settle(checks, rules.dma_protection, check::log::kDma, "devices had access to memory during boot");
  else
    checks.pass(check::log::kDma);
}

void judge_separators(const EventLogOptions& options, const BootChain& chain, Findings& checks) {
  if (options.confidential) return;
  std::string missing, error, unproven;
  for (std::size_t pcr = 0; pcr < chain.separators.size(); pcr++) {
    const BootChain::Separator& separator = chain.separators[pcr];
    if (!separator.present) missing += " " + std::to_string(pcr);
    if (separator.error) error += " " + std::to_string(pcr);
    if (separator.present && !separator.proven) unproven += " " + std::to_string(pcr);
  }
  bool demanded = options.rules.separators;
  if (!error.empty()) return settle(checks, demanded, check::log::kSeparators, "the firmware reports an error in PCR" + error);
  if (!unproven.empty())
    return settle(checks, demanded, check::log::kSeparators, "what is called a separator is none in PCR" + unproven);
  if (!missing.empty()) return settle(checks, demanded, check::log::kSeparators, "no separator in PCR" + missing);
  checks.pass(check::log::kSeparators);
}

void judge_exit(const TcgEventLog& log, const EventLogRules& rules, const BootChain& chain, Findings& checks) {
  if (!chain.exit_succeeded)
    settle(checks, rules.exit_boot_services, check::log::kExitBootServices,
           chain.exit_failed ? "leaving the firmware failed" : "the log does not show that the firmware was left");
  else
    checks.pass(check::log::kExitBootServices);
  if (chain.after_exit.empty()) return;
  const TcgEvent& event = log.events[chain.after_exit.front()];
  settle(checks, rules.exit_boot_services, check::log::kAfterExit,
         "record " + std::to_string(chain.after_exit.front()) + " (" + tcg_event_type_name(event.type) + ") extends PCR " +
             std::to_string(event.pcr) + " after the firmware was left",
         {}, std::to_string(chain.after_exit.size()) + " records");
}

std::string authority_id(View entry) {
  return to_hex(entry.size() == 32 ? entry : sha256(entry).view());
}

bool listed(const std::vector<Bytes>& list, View value) {
  return std::ranges::any_of(list, [&](const Bytes& item) { return equal(item, value); });
}

void judge_authorities(const EventLogRules& rules, const SecureBoot& found, Findings& checks) {
  std::size_t before = checks.checks.size();
  for (const SecureBoot::Authority& authority : found.authorities) {
    if (authority.entry.empty()) continue;
    std::string id = authority_id(authority.entry);
    std::string where = authority.variable + " at record " + std::to_string(authority.event);
    if (!authority.proven)
      settle(checks, !rules.authorities.empty(), check::log::kAuthority, "the digest does not prove the authority " + where);
    else if (!rules.authorities.empty() && !listed(rules.authorities, *from_hex(id)))
      checks.fail(check::log::kAuthority, "an image was let run by an authority that is not allowed: " + where, {}, id);
    else if (authority.variable == "db" && !authority.in_db)
      settle(checks, rules.authorities_in_db, check::log::kAuthority, "the authority is not in the measured db: " + where, {}, id);
  }
  if (!found.authorities.empty() && checks.checks.size() == before)
    checks.pass(check::log::kAuthority, std::to_string(found.authorities.size()) + " authorities");
}

void judge_databases(const EventLogRules& rules, const SecureBoot& found, Findings& checks) {
  for (const SecureBoot::Database& database : found.databases)
    if (!database.readable)
      settle(checks, !rules.dbx.empty(), check::log::kDatabases, database.name + " cannot be read");
  if (rules.dbx.empty()) return;
  const SecureBoot::Database* dbx = found.database("dbx");
  if (dbx == nullptr || !dbx->proven) return checks.fail(check::log::kDatabases, "the log proves no dbx");
  for (const Bytes& entry : rules.dbx)
    if (entry.empty() || std::search(dbx->content.begin(), dbx->content.end(), entry.begin(), entry.end()) == dbx->content.end())
      return checks.fail(check::log::kDatabases, "dbx does not have an entry that it must have", to_hex(entry));
  checks.pass(check::log::kDatabases);
}

void judge_steps(const std::vector<Bytes>& allowed, bool images, std::string_view id, const BootChain& chain, Findings& checks) {
  if (allowed.empty()) return;
  std::size_t count = 0;
  for (const BootStep& step : chain.steps) {
    bool image = step.kind == BootStep::Kind::application || step.kind == BootStep::Kind::driver;
    bool file = step.kind == BootStep::Kind::file;
    if (images ? !image : !file) continue;
    count++;
    if (listed(allowed, step.digest)) continue;
    return checks.fail(id, "record " + std::to_string(step.event) + " is not allowed: " + step.name, {}, to_hex(step.digest));
  }
  checks.pass(id, std::to_string(count) + (images ? " images" : " files"));
}

}  // namespace

void judge_boot(const TcgEventLog& log, const EventLogOptions& options, EventLogJudgement& out) {
  const EventLogRules& rules = options.rules;
  judge_secure_boot(rules, out.secure_boot, out.checks);
  judge_modes(rules, out.secure_boot, out.checks);
  judge_separators(options, out.chain, out.checks);
  judge_exit(log, rules, out.chain, out.checks);
  judge_authorities(rules, out.secure_boot, out.checks);
  judge_databases(rules, out.secure_boot, out.checks);
  judge_steps(rules.images, true, check::log::kImages, out.chain, out.checks);
  judge_steps(rules.files, false, check::log::kBootLoader, out.chain, out.checks);
}

}  // namespace attest
