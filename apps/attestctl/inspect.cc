// attestctl inspect: one artefact, everything in it decoded.
#include <cstdio>

#include "apps/attestctl/artefacts/options.h"
#include "apps/attestctl/commands.h"

namespace attest::ctl {
namespace {

struct Options {
  std::string kind;
  ArtefactOptions artefact;
};

const ArtefactKind* kind_of(View bytes) {
  for (const ArtefactKind& kind : artefact_kinds())
    if (kind.looks_like != nullptr && kind.looks_like(bytes)) return &kind;
  return nullptr;
}

Exit show(const Session& session, const Facts& facts) {
  if (session.json)
    std::printf("%s\n", facts.dump(2, ' ', false, Facts::error_handler_t::replace).c_str());
  else
    print_facts(facts);
  return Exit::accepted;
}

Exit show_unknown(const Session& session, View bytes) {
  show(session, {{"kind", nullptr}, {"size", bytes.size()}, {"hexdump", hexdump(bytes)}});
  return Exit::cannot_tell;
}

Exit show_broken(const Session& session, const ArtefactKind& kind, const Error& error, View bytes) {
  show(session, {{"kind", kind.name},
                 {"error", {{"code", errc_name(error.code)}, {"text", error.what}}},
                 {"hexdump", hexdump(bytes, 512)}});
  return error.code == Errc::io ? Exit::cannot_tell : Exit::refused;
}

Result<Exit> run(const Session& session, const Options& options) {
  const ArtefactKind* kind = nullptr;
  if (!options.kind.empty() && (kind = find_artefact_kind(options.kind)) == nullptr)
    return usage(session, "inspect: unknown kind \"" + options.kind + "\"");
  TRY(ArtefactInput input, read_artefact(options.artefact));
  if (kind == nullptr) kind = kind_of(input.file.bytes);
  if (kind == nullptr) return show_unknown(session, input.file.bytes);
  Result<Facts> facts = kind->inspect(input);
  if (!facts) return show_broken(session, *kind, facts.error(), input.file.bytes);
  Facts document = {{"kind", kind->name}};
  document.update(*facts);
  return show(session, document);
}

}  // namespace

void add_inspect(CLI::App& app_, Session& session) {
  auto options = std::make_shared<Options>();
  CLI::App* app =
      command(app_, session, "inspect", "decode one artefact: a log, a quote, a certificate, a report",
              [options](Session& s) { return run(s, *options); });
  std::string help = "what it is (default: found by content):";
  for (const ArtefactKind& kind : artefact_kinds())
    help += "\n" + std::string(kind.name) + " - " + std::string(kind.what);
  app->add_option("--kind", options->kind, help);
  add_artefact_options(*app, options->artefact);
}

}  // namespace attest::ctl
