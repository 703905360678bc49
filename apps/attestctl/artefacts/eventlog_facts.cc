#include "apps/attestctl/artefacts/eventlog_facts.h"

#include "evidence/core/hex.h"
#include "evidence/logs/efi/describe.h"
#include "evidence/logs/tcg_event_text.h"
#include "evidence/x509/certificate.h"

namespace attest::ctl {
namespace {

const char* binding_name(Binding binding) {
  switch (binding) {
    case Binding::bound: return "is what was measured";
    case Binding::free: return "hint";
    case Binding::broken: return "not what was measured";
    case Binding::contrary: return "measured in one bank and not in another";
  }
  return "";
}

Facts digests_of(const TcgEvent& event) {
  Facts out = Facts::object();
  for (const TcgDigest& digest : event.digests) out[bank_name(digest.alg)] = to_hex(digest.value);
  return out;
}

std::string entry_name(View entry) {
  auto certificate = parse_certificate(entry);
  return certificate ? subject_text(certificate->get()) : to_hex(entry.first(std::min<std::size_t>(entry.size(), 64)));
}

Facts database_facts(const SecureBoot& found) {
  Facts out = Facts::array();
  for (const SecureBoot::Database& database : found.databases)
    out.push_back({{"name", database.name},
                   {"record", database.event},
                   {"proven", database.proven},
                   {"certificates", database.certificates},
                   {"hashes", database.hashes},
                   {"content_sha256", to_hex(sha256(database.content).view())}});
  return out;
}

Facts authority_facts(const SecureBoot::Authority& authority) {
  Facts out = {{"variable", authority.variable}, {"record", authority.event}, {"proven", authority.proven}};
  if (authority.entry.empty()) return out;
  out["entry"] = entry_name(authority.entry);
  out["sha256"] = to_hex(authority.entry.size() == 32 ? authority.entry : sha256(authority.entry).view());
  out["in_database"] = authority.in_db;
  return out;
}

Facts step_facts(const BootStep& step) {
  constexpr const char* kKinds[] = {"driver", "application", "file", "command line"};
  Facts out = {{"kind", kKinds[static_cast<int>(step.kind)]},
               {"record", step.event},
               {"pcr", step.pcr},
               {"name", step.name},
               {"digest", to_hex(step.digest)}};
  if (step.authority != nullptr) out["authority"] = step.authority->variable + " at record " + std::to_string(step.authority->event);
  return out;
}

Result<std::vector<Bytes>> hex_list(const Json& list) {
  std::vector<Bytes> out;
  if (!list.is_array()) return Error{Errc::malformed, "policy: a list of hexadecimal texts was expected"};
  for (const Json& item : list) {
    if (!item.is_string()) return Error{Errc::malformed, "policy: a list of hexadecimal texts was expected"};
    TRY(Bytes value, from_hex(item.get<std::string>(), 64));
    out.push_back(std::move(value));
  }
  return out;
}

struct Flag {
  std::string_view name;
  bool EventLogRules::*member;
};
constexpr Flag kFlags[] = {{"separators", &EventLogRules::separators},
                           {"data", &EventLogRules::data},
                           {"exit_boot_services", &EventLogRules::exit_boot_services},
                           {"no_debug", &EventLogRules::no_debug},
                           {"dma_protection", &EventLogRules::dma_protection},
                           {"authorities_in_db", &EventLogRules::authorities_in_db}};
struct List {
  std::string_view name;
  std::vector<Bytes> EventLogRules::*member;
};
constexpr List kLists[] = {{"images", &EventLogRules::images},
                           {"authorities", &EventLogRules::authorities},
                           {"dbx", &EventLogRules::dbx},
                           {"files", &EventLogRules::files}};

Status read_rule(std::string_view name, const Json& value, EventLogRules& rules) {
  for (const Flag& flag : kFlags)
    if (flag.name == name && value.is_boolean()) {
      rules.*flag.member = value.get<bool>();
      return ok();
    }
  for (const List& list : kLists)
    if (list.name == name) {
      TRY(rules.*list.member, hex_list(value));
      return ok();
    }
  if (name != "secure_boot" || !value.is_boolean())
    return Error{Errc::malformed, "policy: \"" + std::string(name) + "\" is no rule on event logs, or has the wrong type"};
  rules.secure_boot = value.get<bool>();
  return ok();
}

}  // namespace

Facts decoded(JsonWriter&& written) {
  return Facts::parse(std::move(written).finish(), nullptr, false);
}

Facts event_facts(const TcgEventLog& log, const EventFindings& findings) {
  Facts out = Facts::array();
  for (std::size_t i = 0; i < log.events.size(); i++) {
    const TcgEvent& event = log.events[i];
    Facts facts = {{"record", i},
                   {"offset", event.offset},
                   {"pcr", event.pcr},
                   {"type", tcg_event_type_name(event.type)},
                   {"digests", digests_of(event)},
                   {"size", event.data.size()}};
    if (event.extends() && i < findings.bindings.size()) facts["data"] = binding_name(findings.bindings[i]);
    JsonWriter description;
    description.object();
    efi::describe_event(event.type, event.data, description);
    description.end_object();
    facts["event"] = decoded(std::move(description));
    out.push_back(std::move(facts));
  }
  return out;
}

Facts bank_facts(const BankValues& bank, bool confidential) {
  Facts out = Facts::object();
  for (const auto& [reg, value] : bank.values)
    out[confidential ? (reg == 0 ? "mrtd" : "rtmr" + std::to_string(reg - 1)) : std::to_string(reg)] = to_hex(value.view());
  return out;
}

Facts judgement_facts(const EventLogJudgement& judgement) {
  const SecureBoot& found = judgement.secure_boot;
  Facts variable = nullptr;
  if (found.variable) variable = *found.variable;
  constexpr const char* kStates[] = {"not proven", "off", "on"};
  Facts out = {{"secure_boot_variable", variable}, {"secure_boot", kStates[static_cast<int>(found.state)]}};
  if (!found.databases.empty()) out["databases"] = database_facts(found);
  Facts authorities = Facts::array(), steps = Facts::array();
  for (const SecureBoot::Authority& authority : found.authorities) authorities.push_back(authority_facts(authority));
  for (const BootStep& step : judgement.chain.steps) steps.push_back(step_facts(step));
  if (!authorities.empty()) out["authorities"] = std::move(authorities);
  if (!steps.empty()) out["boot_chain"] = {{"bank", bank_name(judgement.bank)}, {"steps", std::move(steps)}};
  return out;
}

Result<EventLogRules> read_event_log_rules(const Json& policy) {
  EventLogRules rules;
  if (policy.is_null()) return rules;
  if (!policy.is_object()) return Error{Errc::malformed, "policy: no JSON object"};
  for (const auto& [name, value] : policy.items()) CHECK_OK(read_rule(name, value, rules));
  return rules;
}

}  // namespace attest::ctl
