// attestctl appraise: judge one artefact; every check has a name, what was expected and what was measured.
#include <cstdio>

#include "apps/attestctl/artefacts/options.h"
#include "apps/attestctl/commands.h"
#include "apps/attestctl/style.h"

namespace attest::ctl {
namespace {

struct Options {
  std::string kind;
  ArtefactOptions artefact;
};

const char* outcome_name(Outcome outcome) {
  return outcome == Outcome::pass ? "pass" : outcome == Outcome::warn ? "warn" : "fail";
}

Facts check_json(const ArtefactCheck& check) {
  return {{"id", check.id},
          {"outcome", outcome_name(check.outcome)},
          {"expected", check.expected},
          {"measured", check.measured},
          {"why", check.why}};
}

void show_check(const ArtefactCheck& check) {
  Tone tone = check.outcome == Outcome::pass   ? Tone::good
              : check.outcome == Outcome::warn ? Tone::warn
                                               : Tone::bad;
  std::printf("%s %s", toned(tone, outcome_name(check.outcome)).c_str(), check.id.c_str());
  if (!check.why.empty()) std::printf(": %s", check.why.c_str());
  std::printf("\n");
  if (!check.expected.empty()) std::printf("     expected %s\n", check.expected.c_str());
  if (!check.measured.empty()) std::printf("     measured %s\n", check.measured.c_str());
}

Exit show(const Session& session, const ArtefactKind& kind, const ArtefactAppraisal& appraisal) {
  bool warned = std::ranges::any_of(appraisal.checks,
                                    [](const ArtefactCheck& c) { return c.outcome == Outcome::warn; });
  bool trusted = appraisal.trusted();
  if (session.json) {
    Facts document = {{"kind", kind.name}, {"trusted", trusted}};
    document.update(appraisal.facts);
    document["checks"] = Facts::array();
    for (const ArtefactCheck& check : appraisal.checks) document["checks"].push_back(check_json(check));
    std::printf("%s\n", document.dump(2, ' ', false, Facts::error_handler_t::replace).c_str());
  } else {
    print_facts(appraisal.facts);
    for (const ArtefactCheck& check : appraisal.checks) show_check(check);
    std::printf("%s\n", toned(trusted ? Tone::good : Tone::bad, trusted ? "trusted" : "not trusted").c_str());
  }
  return trusted ? settle(session, warned) : Exit::refused;
}

// An artefact that cannot be read is refused under its kind's check "form"; only what the machine failed to
// give leaves the question open.
ArtefactAppraisal unreadable(const ArtefactKind& kind, const Error& error) {
  ArtefactAppraisal appraisal;
  appraisal.facts = {{"error", {{"code", errc_name(error.code)}, {"text", error.what}}}};
  appraisal.fail(std::string(kind.name) + ".form", error.what);
  return appraisal;
}

Result<Exit> run(const Session& session, const Options& options) {
  const ArtefactKind* kind = find_artefact_kind(options.kind);
  if (kind == nullptr) return usage(session, "appraise: unknown kind \"" + options.kind + "\"");
  if (kind->appraise == nullptr)
    return usage(session,
                 "appraise: " + options.kind + " is read by inspect, there is nothing to judge in it");
  Result<ArtefactInput> input = read_artefact(options.artefact);
  if (!input && input.error().code == Errc::denied) return usage(session, "appraise: " + input.error().what);
  if (!input) return std::move(input).error();
  Result<ArtefactAppraisal> appraisal = kind->appraise(*input);
  if (appraisal) return show(session, *kind, *appraisal);
  if (appraisal.error().code == Errc::io) return std::move(appraisal).error();
  return show(session, *kind, unreadable(*kind, appraisal.error()));
}

}  // namespace

void add_appraise(CLI::App& app_, Session& session) {
  auto options = std::make_shared<Options>();
  CLI::App* app = command(app_, session, "appraise", "judge one artefact by itself, each check named",
                          [options](Session& s) { return run(s, *options); });
  std::string help = "what it is:";
  for (const ArtefactKind& kind : artefact_kinds())
    if (kind.appraise != nullptr) help += "\n" + std::string(kind.name) + " - " + std::string(kind.what);
  app->add_option("KIND", options->kind, help)->required();
  add_artefact_options(*app, options->artefact);
}

}  // namespace attest::ctl
