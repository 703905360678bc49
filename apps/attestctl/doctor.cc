// attestctl doctor: whether each TLS program of this machine really attests, and stays closed where it
// cannot.
#include <cstdio>

#include "apps/attestctl/commands.h"
#include "apps/attestctl/doctor/examine.h"
#include "apps/attestctl/files.h"
#include "apps/attestctl/progress.h"
#include "apps/attestctl/style.h"

namespace attest::ctl {
namespace {

using namespace doctor;

struct Options {
  std::vector<std::string> names;
  std::string root;
};

const char* word(Level level) {
  constexpr const char* kWords[] = {"ok", "off", "warn", "FAIL"};
  return kWords[static_cast<int>(level)];
}

Tone tone(Level level) {
  constexpr Tone kTones[] = {Tone::good, Tone::dim, Tone::warn, Tone::bad};
  return kTones[static_cast<int>(level)];
}

Json to_json(const Report& report) {
  Json findings = Json::array();
  for (const Finding& f : report.findings)
    findings.push_back({{"level", word(f.level)}, {"id", f.id}, {"text", f.text}, {"remedy", f.remedy}});
  return {{"program", report.program},
          {"path", report.path},
          {"unit", report.unit},
          {"level", word(report.level())},
          {"openssl", report.openssl},
          {"configuration", report.configuration},
          {"source", report.source},
          {"armed", report.armed ? Json(*report.armed) : Json()},
          {"without_module", report.without_module},
          {"findings", findings}};
}

std::string headline(const Report& report) {
  std::string text = report.program + (report.unit.empty() ? "" : " (" + report.unit + ")");
  if (text.size() < 32) text.resize(32, ' ');
  if (report.level() == Level::off) return text + "  no OPENSSL_CONF: TLS without attestation";
  text += report.armed && *report.armed ? "  armed" : "  not armed";
  if (!report.without_module.empty()) text += "; module missing -> " + report.without_module;
  return text;
}

void show(const Session& session, const Report& report) {
  row(word(report.level()), headline(report), tone(report.level()));
  if (session.verbose || report.level() >= Level::warn)
    row("", report.path + ", " + report.openssl +
                (report.configuration.empty() ? "" : ", " + report.configuration + " from " + report.source));
  for (const Finding& finding : report.findings) {
    row("", finding.text);
    if (!finding.remedy.empty()) row("", "-> " + finding.remedy);
  }
}

Report examine_one(const Target& target, const Identity& identity, const std::string& root,
                   const std::string& folder) {
  Report report;
  if (Status made = make_folder(folder, 0755); made) report = examine(target, identity, folder);
  for (Finding& finding : plaintext_settings(report.program, root))
    report.findings.push_back(std::move(finding));
  return report;
}

Result<Exit> run(const Session& session, const Options& options) {
  TRY(TempFolder folder, TempFolder::make());
  TRY(Identity identity, Identity::make(folder.path()));
  std::vector<Target> targets = find_targets(options.root, options.names);
  Clock::time_point start = Clock::now();
  Json list = Json::array();
  std::array<std::size_t, 4> counts{};
  for (std::size_t i = 0; i < targets.size(); i++) {
    Report report = examine_one(targets[i], identity, options.root, folder.path() + "/" + std::to_string(i));
    counts[static_cast<std::size_t>(report.level())]++;
    if (session.json)
      list.push_back(to_json(report));
    else
      show(session, report);
  }
  auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - start).count();
  Json summary = {{"ok", counts[0]}, {"off", counts[1]}, {"warn", counts[2]}, {"fail", counts[3]}};
  if (session.json)
    print_json({{"programs", list}, {"summary", summary}, {"milliseconds", ms}});
  else
    row("", std::to_string(targets.size()) + " examined in " + std::to_string((ms + 500) / 1000) +
                " s: " + std::to_string(counts[0]) + " ok, " + std::to_string(counts[1]) + " off, " +
                std::to_string(counts[2]) + " with warnings, " + std::to_string(counts[3]) + " failed");
  if (counts[3] > 0) return Exit::refused;
  return settle(session, counts[2] > 0);
}

}  // namespace

void add_doctor(CLI::App& app_, Session& session) {
  auto options = std::make_shared<Options>();
  CLI::App* app =
      command(app_, session, "doctor",
              "start private copies of the TLS programs and say whether each attests and fails closed",
              [options](Session& s) { return run(s, *options); });
  app->add_option("PROGRAM", options->names, "examine these alone (nginx, apache, haproxy, curl, psql, …)");
  app->add_option("--root", options->root,
                  "read units and configuration under this folder instead of / (a container's file system)");
}

}  // namespace attest::ctl
