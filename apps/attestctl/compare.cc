// attestctl compare: two logs, the first event that differs, and what follows from it.
#include <cstdio>

#include "apps/attestctl/artefacts/ima_facts.h"
#include "apps/attestctl/commands.h"
#include "apps/attestctl/style.h"
#include "evidence/core/file.h"
#include "evidence/core/hex.h"
#include "evidence/logs/bank_replay.h"
#include "evidence/logs/cel/cel.h"
#include "evidence/logs/tcg_event_text.h"
#include "verifier/logs/compare.h"

namespace attest::ctl {
namespace {

// A log of any kind as extends in each bank it has.
using Banks = std::map<std::uint16_t, std::vector<LoggedEvent>>;

Result<Banks> of_firmware(View bytes) {
  TRY(TcgEventLog log, parse_tcg_event_log(bytes, TcgLogEnd::padded));
  Banks out;
  for (std::size_t i = 0; i < log.events.size(); i++) {
    const TcgEvent& event = log.events[i];
    if (!event.extends()) continue;
    std::string words = tcg_event_type_name(event.type), text = tcg_event_text(event.type, event.data);
    if (!text.empty()) words += " " + text;
    for (const TcgDigest& digest : event.digests) out[digest.alg].push_back({i, event.pcr, to_bytes(digest.value), words});
  }
  return out;
}

// IMA entries are compared by their data: by the digest that a bank gets.
Result<Banks> of_ima(View bytes) {
  TRY(ReadImaList read, read_ima(bytes));
  Banks out;
  TRY(Hasher hasher, Hasher::make(HashAlg::sha256));
  for (std::size_t i = 0; i < read.list.entries.size(); i++) {
    const ImaEntry& entry = read.list.entries[i];
    TRY(Digest digest, ima_extend_digest(hasher, entry));
    std::string name = ima_hint(entry.template_name, entry.data).name;
    out[static_cast<std::uint16_t>(HashAlg::sha256)].push_back(
        {i, entry.pcr, to_bytes(digest.view()), std::string(entry.template_name) + " " + name});
  }
  return out;
}

Result<Banks> of_cel(View bytes) {
  TRY(cel::CelLog log, cel::parse_cel(bytes));
  Banks out;
  for (std::size_t i = 0; i < log.records.size(); i++) {
    const cel::CelRecord& record = log.records[i];
    for (const cel::CelDigest& digest : record.digests)
      out[digest.alg].push_back({i, record.reg, digest.value, record.content_type + " " + record.name + " " + record.text});
  }
  return out;
}

Result<Banks> read_log(const std::string& path) {
  TRY(Bytes bytes, read_file(path, kMaxImaList));
  const ArtefactKind* kind = nullptr;
  for (const ArtefactKind& known : artefact_kinds())
    if (kind == nullptr && known.looks_like != nullptr && known.looks_like(bytes)) kind = &known;
  if (kind != nullptr && kind->name == "ima") return of_ima(bytes);
  if (kind != nullptr && kind->name == "cel") return of_cel(bytes);
  return of_firmware(bytes);
}

Facts event_json(const std::optional<LoggedEvent>& event) {
  if (!event) return nullptr;
  return {{"record", event->record}, {"event", event->words}, {"digest", to_hex(event->digest)}};
}

std::string sentence(const LogDifference& d) {
  std::string where = "PCR " + std::to_string(d.reg) + ", after " + std::to_string(d.equal_before) + " equal events: ";
  if (d.kind == LogDifference::Kind::only_first)
    return where + "record " + std::to_string(d.first->record) + " (" + d.first->words + ") is in the first log alone";
  if (d.kind == LogDifference::Kind::only_second)
    return where + "record " + std::to_string(d.second->record) + " (" + d.second->words + ") is in the second log alone";
  std::string words = d.first->words == d.second->words ? d.first->words : d.first->words + "\" became \"" + d.second->words;
  return where + "\"" + words + "\" has another digest (record " + std::to_string(d.first->record) + ", record " +
         std::to_string(d.second->record) + ")";
}

std::string consequence(const LogComparison& found) {
  if (found.continued) return "one log is the other, continued: a machine that ran on, and no contradiction";
  std::string out = "different from here on:";
  for (const LogDifference& d : found.differences)
    out += " PCR " + std::to_string(d.reg) + " (" + std::string(register_meaning(d.reg)) + ");";
  return out + " quotes over them, and secrets sealed to them, of one boot do not fit the other";
}

Exit show(const Session& session, std::uint16_t bank, const LogComparison& found) {
  if (session.json) {
    Facts out = {{"bank", bank_name(bank)}, {"same", found.differences.empty()}, {"continued", found.continued}, {"equal_registers", found.same}};
    out["differences"] = Facts::array();
    for (const LogDifference& d : found.differences)
      out["differences"].push_back({{"register", d.reg},
                                    {"meaning", register_meaning(d.reg)},
                                    {"equal_before", d.equal_before},
                                    {"first", event_json(d.first)},
                                    {"second", event_json(d.second)},
                                    {"text", sentence(d)}});
    if (!found.differences.empty()) out["follows"] = consequence(found);
    std::printf("%s\n", out.dump(2, ' ', false, Facts::error_handler_t::replace).c_str());
  } else if (found.differences.empty()) {
    std::printf("%s\n", toned(Tone::good, "the same events in every register").c_str());
  } else {
    for (const LogDifference& d : found.differences) {
      std::printf("%s\n", sentence(d).c_str());
      if (d.first) std::printf("     first  %s\n", to_hex(d.first->digest).c_str());
      if (d.second) std::printf("     second %s\n", to_hex(d.second->digest).c_str());
    }
    std::printf("%s\n", consequence(found).c_str());
  }
  return found.differences.empty() ? Exit::accepted : Exit::refused;
}

Result<Exit> run(const Session& session, const std::string& first, const std::string& second) {
  TRY(Banks a, read_log(first));
  TRY(Banks b, read_log(second));
  if (a.empty() && b.empty()) return show(session, static_cast<std::uint16_t>(HashAlg::sha256), {});
  // Every bank that both have, the usual one first; an empty log has every bank.
  constexpr std::uint16_t kBanks[] = {0x000b, 0x000c, 0x000d, 0x0012, 0x0004};
  std::optional<std::uint16_t> equal_bank;
  const bool no_a = a.empty(), no_b = b.empty();
  for (std::uint16_t bank : kBanks) {
    bool common = (no_a || a.contains(bank)) && (no_b || b.contains(bank));
    if (!common) continue;
    LogComparison found = compare_logs(a[bank], b[bank]);
    if (!found.differences.empty()) return show(session, bank, found);
    if (!equal_bank) equal_bank = bank;
  }
  if (equal_bank) return show(session, *equal_bank, compare_logs(a[*equal_bank], b[*equal_bank]));
  return Error{Errc::unsupported, "compare: the logs have no bank in common"};
}

}  // namespace

void add_compare(CLI::App& app_, Session& session) {
  auto files = std::make_shared<std::pair<std::string, std::string>>();
  CLI::App* app = command(app_, session, "compare", "two logs: the first event that differs in each register, and what follows",
                          [files](Session& s) { return run(s, files->first, files->second); });
  app->add_option("A", files->first, "a log: firmware's, IMA's, or a canonical one")->required();
  app->add_option("B", files->second, "another of the same kind")->required();
  app->footer("Exit codes: 0 the same, 1 different, 2 wrong usage, 3 cannot tell.");
}

}  // namespace attest::ctl
