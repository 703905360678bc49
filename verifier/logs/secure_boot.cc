#include "verifier/logs/secure_boot.h"

#include "evidence/logs/efi/guid.h"
#include "evidence/logs/efi/text.h"
#include "evidence/logs/efi/variable.h"

namespace attest {
namespace {

constexpr std::uint32_t kDriverConfig = 0x80000001;
constexpr std::uint32_t kAuthorityType = 0x800000e0;
constexpr std::uint32_t kAction = 0x80000007;
constexpr std::uint32_t kPlainAction = 0x00000005;

bool has_lists(std::string_view name) {
  constexpr std::string_view kNames[] = {"PK", "KEK", "db", "dbx", "dbt", "dbr", "MokListRT", "MokListXRT", "MokList",
                                         "MokListX", "vendor_db", "vendor_dbx"};
  return std::ranges::find(kNames, name) != std::end(kNames);
}

void note_secure_boot(const efi::UefiVariable& v, bool proven, SecureBoot& out) {
  if (v.data.size() > 1) return;
  bool on = !v.data.empty() && v.data[0] == 1;  // firmware without the variable measures it empty
  if (!out.variable) out.variable = on;
  if (!proven) return;
  SecureBoot::State state = on ? SecureBoot::State::on : SecureBoot::State::off;
  if (out.state != SecureBoot::State::unknown && out.state != state) out.contradictory = true;
  out.state = state;
}

void note_database(const efi::UefiVariable& v, std::size_t number, bool proven, SecureBoot& out) {
  SecureBoot::Database database{v.name, number, proven, true, 0, 0, v.data};
  auto lists = efi::parse_signature_lists(v.data);
  database.readable = static_cast<bool>(lists);
  if (lists)
    for (const efi::SignatureList& list : *lists)
      (list.type == efi::kCertX509 ? database.certificates : database.hashes) += list.entries.size();
  out.databases.push_back(std::move(database));
}

void note_config(const efi::UefiVariable& v, std::size_t number, bool proven, SecureBoot& out) {
  bool set = v.data.size() == 1 && v.data[0] == 1;
  if (v.name == "SecureBoot" && v.guid == efi::kGlobalVariable) note_secure_boot(v, proven, out);
  if (v.name == "SetupMode") out.setup_mode = set;
  if (v.name == "AuditMode") out.audit_mode = set;
  if (has_lists(v.name)) note_database(v, number, proven, out);
}

bool occurs(View haystack, View needle) {
  // not std::ranges::search: clang 14, which builds the fuzzers, cannot read this library's subrange
  return !needle.empty() && std::search(haystack.begin(), haystack.end(), needle.begin(), needle.end()) != haystack.end();
}

void note_authority(const efi::UefiVariable& v, std::size_t number, bool proven, SecureBoot& out) {
  SecureBoot::Authority authority{number, v.name, proven, {}, false};
  efi::SignatureEntry entry = efi::parse_authority(v.data);
  View certificate = efi::certificate_der(entry.data);
  if (!certificate.empty()) {
    authority.entry = certificate;
  } else if (entry.data.size() == 32 && !entry.owner.empty()) {
    authority.entry = entry.data;
  }
  for (const SecureBoot::Database& database : out.databases)
    if (database.name == v.name && database.proven && occurs(database.content, authority.entry)) authority.in_db = true;
  out.authorities.push_back(std::move(authority));
}

void note_action(View data, SecureBoot& out) {
  std::string text = efi::from_bytes(data);
  if (text == "UEFI Debug Mode") out.debug_mode = true;
  if (text == "DMA Protection Disabled") out.dma_unprotected = true;
}

}  // namespace

const SecureBoot::Database* SecureBoot::database(std::string_view name) const {
  for (const Database& database : databases)
    if (database.name == name) return &database;
  return nullptr;
}

Result<EventFindings> find_bindings(const TcgEventLog& log) {
  EventFindings out;
  if (log.events.empty()) return out;
  TRY(DataRules rules, DataRules::make(log));
  for (const TcgEvent& event : log.events) {
    out.bindings.push_back(event.extends() ? rules.judge(event) : Binding::free);
    out.ends_firmware.push_back(rules.ends_firmware(event));
  }
  return out;
}

SecureBoot find_secure_boot(const TcgEventLog& log, const EventFindings& findings, std::uint32_t reg) {
  SecureBoot out;
  bool separated = false;
  for (std::size_t i = 0; i < findings.bindings.size(); i++) {
    const TcgEvent& event = log.events[i];
    if (!event.extends()) continue;
    if (event.type == kAction || event.type == kPlainAction) note_action(event.data, out);
    bool proven = findings.bindings[i] == Binding::bound && event.pcr == reg;
    separated = separated || (findings.ends_firmware[i] && event.pcr == reg);
    if (event.type != kDriverConfig && event.type != kAuthorityType) continue;
    auto variable = efi::parse_uefi_variable(event.data);
    if (!variable) continue;
    if (event.type == kDriverConfig) {
      note_config(*variable, i, proven && !separated, out);
    } else {
      note_authority(*variable, i, proven, out);
    }
  }
  return out;
}

}  // namespace attest
