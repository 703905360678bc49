// attestctl predict: PCR values after an update, and a manifest for the time in which machines are updated one by one.
#include <cstdio>

#include "apps/attestctl/artefacts/ima_facts.h"
#include "apps/attestctl/commands.h"
#include "apps/attestctl/files.h"
#include "apps/attestctl/prediction.h"
#include "apps/attestctl/style.h"
#include "evidence/core/hex.h"
#include "evidence/logs/tcg_event_text.h"
#include "evidence/metadata/payload.h"

namespace attest::ctl {
namespace {

constexpr UnixTime kDay = 86400;
constexpr std::int64_t kDaysAfter = 365;

struct Options {
  std::string event_log = "/sys/kernel/security/tpm0/binary_bios_measurements", ima;
  std::string kernel, initrd, boot_loader, old_kernel, old_initrd, old_boot_loader, command_line, old_command_line;
  std::vector<std::string> files, renames, variables;
  std::string db, dbx;
  bool append = false, has_command_line = false;
  std::string out, after, name, base, developer, phases;
  std::int64_t days = 14;
  std::vector<std::uint32_t> pcrs;
};

// Changes holds the files that the changes lend from.
struct Changes {
  std::vector<std::unique_ptr<Bytes>> files;
  BootChanges boot;
};

Result<View> keep(Changes& changes, const std::string& path) {
  TRY(Bytes bytes, read_input(path, kMaxBootFile));
  changes.files.push_back(std::make_unique<Bytes>(std::move(bytes)));
  return View(*changes.files.back());
}

Status add_file(Changes& changes, BootFile::Role role, const std::string& name, const std::string& path, const std::string& old) {
  if (path.empty()) return ok();
  BootFile file{role, name, {}, {}};
  TRY(file.content, keep(changes, path));
  if (!old.empty()) {
    TRY(file.old, keep(changes, old));
  }
  changes.boot.files.push_back(std::move(file));
  return ok();
}

Status add_variable(Changes& changes, const std::string& name, const std::string& path, bool append) {
  if (path.empty()) return ok();
  BootVariable variable{name, {}, append};
  TRY(View file, keep(changes, path));
  TRY(variable.content, signature_update(file));
  changes.boot.variables.push_back(std::move(variable));
  return ok();
}

// pair_of splits NAME=VALUE at its first "=".
Result<std::pair<std::string, std::string>> pair_of(const std::string& text) {
  std::size_t at = text.find('=');
  if (at == text.npos || at == 0) return Error{Errc::denied, "predict: \"" + text + "\" is not of the form NAME=VALUE"};
  return std::pair(text.substr(0, at), text.substr(at + 1));
}

Result<Changes> changes_of(const Options& o) {
  using Role = BootFile::Role;
  Changes out;
  CHECK_OK(add_file(out, Role::kernel, "", o.kernel, o.old_kernel));
  CHECK_OK(add_file(out, Role::initrd, "", o.initrd, o.old_initrd));
  CHECK_OK(add_file(out, Role::boot_loader, o.boot_loader, o.boot_loader, o.old_boot_loader));
  for (const std::string& text : o.files) {
    TRY(auto pair, pair_of(text));
    CHECK_OK(add_file(out, Role::named, pair.first, pair.second, ""));
  }
  if (o.has_command_line) out.boot.texts.push_back({o.old_command_line, o.command_line, true});
  for (const std::string& text : o.renames) {
    TRY(auto pair, pair_of(text));
    out.boot.texts.push_back({pair.first, pair.second, false});
  }
  CHECK_OK(add_variable(out, "db", o.db, o.append));
  CHECK_OK(add_variable(out, "dbx", o.dbx, o.append));
  for (const std::string& text : o.variables) {
    TRY(auto pair, pair_of(text));
    CHECK_OK(add_variable(out, pair.first, pair.second, o.append));
  }
  return out;
}

struct Boot {
  Bytes log_bytes, list_bytes;
  TcgEventLog log;
  std::optional<ReadImaList> ima;
};

Status read_boot(const Options& o, Boot& out) {
  TRY(out.log_bytes, read_input(o.event_log));
  TRY(out.log, parse_tcg_event_log(out.log_bytes, TcgLogEnd::padded));
  if (o.ima.empty()) return ok();
  TRY(out.list_bytes, read_input(o.ima, kMaxImaList));
  TRY(out.ima, read_ima(out.list_bytes));
  return ok();
}

bool wanted(const Options& o, std::uint32_t pcr) { return o.pcrs.empty() || std::ranges::find(o.pcrs, pcr) != o.pcrs.end(); }

// A manifest says every value of the registers it has, or it would refuse the next boot.
Status all_said(const Options& o, const Prediction& prediction) {
  constexpr std::uint32_t kAggregated = 10;
  for (const auto& [pcr, why] : prediction.unsaid) {
    std::string what = "predict: PCR " + std::to_string(pcr) + " cannot be said: " + why;
    if (wanted(o, pcr)) return Error{Errc::mismatch, what + "; leave it out of the manifest with --pcrs"};
    if (!o.ima.empty() && pcr < kAggregated) return Error{Errc::mismatch, what + "; so neither can boot_aggregate of the IMA list"};
  }
  return ok();
}

Status write_manifest(const Options& o, const Boot& boot, const Prediction& prediction, bool both) {
  const std::string& path = both ? o.out : o.after;
  if (path.empty()) return ok();
  CHECK_OK(all_said(o, prediction));
  Metadata metadata;
  metadata.name = o.name;
  metadata.description = both ? "before and after an update" : "after an update";
  metadata.version_time = wall_clock_now();
  metadata.version = format_rfc3339(metadata.version_time);
  metadata.not_before = metadata.version_time;
  metadata.not_after = metadata.version_time + (both ? o.days : kDaysAfter) * kDay;
  Manifest& manifest = metadata.manifest;
  manifest.log_ordered = true;
  manifest.base_layers = {o.base.empty() ? o.name : o.base};
  manifest.developer = o.developer;
  manifest.references = predicted_references(boot.log, prediction, both);
  if (boot.ima) {
    TRY(std::vector<ReferenceValue> files, predicted_files(boot.ima->list, prediction, both));
    std::ranges::move(files, std::back_inserter(manifest.references));
  }
  std::erase_if(manifest.references, [&](const ReferenceValue& value) { return !wanted(o, value.reg); });
  TRY(std::string payload, write_payload(metadata));
  return write_output(path, as_view(payload + "\n"));
}

Json values_json(const Prediction& prediction, bool changed_only) {
  Json out = Json::object();
  for (std::size_t i = 0; i < prediction.after.size(); i++)
    for (const auto& [pcr, now] : prediction.after[i].values) {
      const Digest& before = prediction.before[i].values.at(pcr);
      if ((changed_only && before == now) || prediction.unsaid.contains(pcr)) continue;
      out[prediction.after[i].name][std::to_string(pcr)] = {{"before", to_hex(before.view())}, {"after", to_hex(now.view())}};
    }
  return out;
}

const char* change_text(PredictedEvent::Change change) {
  switch (change) {
    case PredictedEvent::Change::replaced: return "replaced";
    case PredictedEvent::Change::added: return "added";
    case PredictedEvent::Change::removed: return "removed";
  }
  return "";
}

std::string text_of(const TcgEvent& event, const PredictedEvent& predicted) {
  return predicted.text.empty() ? tcg_event_text(event.type, event.data) : predicted.text;
}

Json events_json(const TcgEventLog& log, const Prediction& prediction) {
  Json out = Json::array();
  for (const PredictedEvent& p : prediction.events) {
    const TcgEvent& event = log.events[p.event];
    Json digests = Json::object();
    for (const auto& [alg, digest] : p.digests) digests[bank_name(alg)] = to_hex(digest.view());
    out.push_back({{"record", p.event},
                   {"pcr", event.pcr},
                   {"event", tcg_event_type_name(event.type)},
                   {"change", change_text(p.change)},
                   {"text", text_of(event, p)},
                   {"digests", std::move(digests)}});
  }
  return out;
}

Json unsaid_json(const Prediction& prediction) {
  Json out = Json::object();
  for (const auto& [pcr, why] : prediction.unsaid) out[std::to_string(pcr)] = why;
  return out;
}

Json phases_json(const std::vector<PhaseValues>& phases) {
  Json out = Json::array();
  for (const PhaseValues& phase : phases) {
    Json values = Json::object();
    for (const auto& [bank, value] : phase.values) values[bank] = to_hex(value.view());
    out.push_back({{"phases", phase.phases}, {"values", std::move(values)}});
  }
  return out;
}

// phases_of: the register that holds the sections, once the system is up; none where no unified image changes.
Result<std::vector<PhaseValues>> phases_of(const Options& o, const Prediction& prediction) {
  if (o.phases.empty()) return std::vector<PhaseValues>();
  if (!prediction.sections) return Error{Errc::denied, "predict: --phases are of unified kernel images: name a new one with --kernel"};
  if (prediction.unsaid.contains(*prediction.sections)) return std::vector<PhaseValues>();  // they follow from what cannot be said
  return boot_phases(prediction.after, *prediction.sections, o.phases);
}

std::string event_row(const TcgEvent& event, const PredictedEvent& p) {
  std::string record = (p.change == PredictedEvent::Change::added ? "behind record " : "record ") + std::to_string(p.event);
  std::string change = p.change == PredictedEvent::Change::replaced ? "" : std::string("  (") + change_text(p.change) + ")";
  return record + "  " + tcg_event_type_name(event.type) + "  " + text_of(event, p) + change;
}

void tell_phases(const Prediction& prediction, const std::vector<PhaseValues>& phases) {
  for (const PhaseValues& phase : phases)
    for (const auto& [bank, value] : phase.values)
      row(bank + ":" + std::to_string(prediction.sections.value_or(0)), to_hex(value.view()) + "  after " + phase.phases);
}

void tell(const Session& session, const Options& o, const Boot& boot, const Prediction& prediction) {
  for (const PredictedEvent& p : prediction.events) {
    const TcgEvent& event = boot.log.events[p.event];
    row("PCR " + std::to_string(event.pcr), event_row(event, p), Tone::plain);
  }
  for (const auto& [pcr, why] : prediction.unsaid) row("PCR " + std::to_string(pcr), "cannot be said: " + why, Tone::warn);
  for (std::size_t i = 0; i < prediction.after.size(); i++)
    for (const auto& [pcr, now] : prediction.after[i].values) {
      const Digest& before = prediction.before[i].values.at(pcr);
      if (before == now || prediction.unsaid.contains(pcr)) continue;
      row(prediction.after[i].name + ":" + std::to_string(pcr), short_or_whole(to_hex(before.view()), session.verbose) + " -> " +
                                                                    to_hex(now.view()));
    }
  if (prediction.events.empty()) row("unchanged", "the new files measure as the old ones");
  if (!o.out.empty()) row("wrote", o.out + ", old and new values, for " + std::to_string(o.days) + " days, not signed yet");
  if (!o.after.empty()) row("wrote", o.after + ", new values alone, not signed yet");
}

// exit_of: whoever relies on a register that cannot be said must not take the answer for whole.
Exit exit_of(const Options& o, const Prediction& prediction) {
  bool unsure = std::ranges::any_of(prediction.unsaid, [&](const auto& one) { return wanted(o, one.first); });
  return unsure ? Exit::cannot_tell : Exit::accepted;
}

Json prediction_json(const Boot& boot, const Prediction& prediction, const std::vector<PhaseValues>& phases) {
  return {{"events", events_json(boot.log, prediction)}, {"changed", values_json(prediction, true)},
          {"pcrs", values_json(prediction, false)},      {"unsaid", unsaid_json(prediction)},
          {"phases", phases_json(phases)}};
}

Result<Exit> run(const Session& session, Options o) {
  if (!(o.out.empty() && o.after.empty()) && o.name.empty())
    return usage(session, "predict: a manifest needs --name, the one it takes the place of");
  Boot boot;
  CHECK_OK(read_boot(o, boot));
  Result<Changes> changes = changes_of(o);
  if (!changes && changes.error().code == Errc::denied) return usage(session, changes.error().what);
  if (!changes) return std::move(changes).error();
  const BootChanges& asked = changes->boot;
  if (asked.files.empty() && asked.texts.empty() && asked.variables.empty())
    return usage(session, "predict: name what changes: --kernel, --initrd, --cmdline, --boot-loader, --file, --db, ...");
  TRY(Prediction prediction, predict(boot.log, asked));
  Result<std::vector<PhaseValues>> phases = phases_of(o, prediction);
  if (!phases && phases.error().code == Errc::denied) return usage(session, phases.error().what);
  if (!phases) return std::move(phases).error();
  CHECK_OK(write_manifest(o, boot, prediction, true));
  CHECK_OK(write_manifest(o, boot, prediction, false));
  if (session.json)
    print_json(prediction_json(boot, prediction, *phases));
  else
    tell(session, o, boot, prediction), tell_phases(prediction, *phases);
  return exit_of(o, prediction);
}

void add_change_options(CLI::App* app, Options& o) {
  app->add_option("--kernel", o.kernel, "new kernel, or unified kernel image (kernel, initrd and command line in one program)");
  app->add_option("--initrd", o.initrd, "new initrd");
  app->add_option("--boot-loader", o.boot_loader, "new boot loader, named as in the log (shimx64.efi, grubx64.efi)");
  app->add_option("--file", o.files, "NAME=FILE: new content of a file the boot loader reads (grub.cfg=FILE)");
  app->add_option("--cmdline", o.command_line, "new command line of the kernel, without the kernel's name in front")
      ->each([&o](const std::string&) { o.has_command_line = true; });
  app->add_option("--rename", o.renames, "OLD=NEW: another text in commands of the boot loader (/vmlinuz-1=/vmlinuz-2)");
  app->add_option("--db", o.db, "new db: signature lists, an authenticated update, or a file of efivarfs");
  app->add_option("--dbx", o.dbx, "new dbx");
  app->add_option("--variable", o.variables, "NAME=FILE: another variable (KEK, PK)");
  app->add_flag("--append", o.append, "the variables' files are added to what is there, as dbx updates are");
  app->add_option("--old-kernel", o.old_kernel, "the kernel as it is now: finds its events by their digests")->needs("--kernel");
  app->add_option("--old-initrd", o.old_initrd, "the initrd as it is now")->needs("--initrd");
  app->add_option("--old-boot-loader", o.old_boot_loader, "the boot loader as it is now")->needs("--boot-loader");
  app->add_option("--old-cmdline", o.old_command_line, "the command line as it is now (/proc/cmdline), where the log has only its hash")
      ->needs("--cmdline");
}

}  // namespace

void add_predict(CLI::App& app_, Session& session) {
  auto o = std::make_shared<Options>();
  CLI::App* app = command(app_, session, "predict", "PCR values after an update, and a manifest that takes old and new",
                          [o](Session& s) { return run(s, *o); });
  app->add_option("--eventlog", o->event_log, "log of the present boot")->capture_default_str();
  app->add_option("--ima", o->ima, "IMA list of the same boot, for the manifest");
  add_change_options(app, *o);
  app->add_option("-o,--out", o->out, "manifest with old and new values, valid for --days");
  app->add_option("--days", o->days, "length of the update window")->capture_default_str()->check(CLI::Range(1, 3650));
  app->add_option("--after", o->after, "manifest with the new values alone, for the time after the window");
  app->add_option("--name", o->name, "name of the manifests");
  app->add_option("--base", o->base, "manifest below this one (default: none, it is the root)");
  app->add_option("--developer", o->developer, "who made the software");
  app->add_option("--phases", o->phases, "PCR 11 of a unified image once the system is up: enter-initrd:leave-initrd:sysinit:ready");
  app->add_option("--pcrs", o->pcrs, "only these PCRs in the manifests")->delimiter(',')->check(CLI::Range(0, 23));
}

}  // namespace attest::ctl
