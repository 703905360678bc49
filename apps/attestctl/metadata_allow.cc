// attestctl metadata allow: from a refusal to the changed manifest that would let the machine in, ready to be
// signed.
#include <cstdio>

#include "apps/attestctl/amend.h"
#include "apps/attestctl/commands.h"
#include "apps/attestctl/files.h"
#include "apps/attestctl/metadata_store.h"
#include "apps/attestctl/style.h"
#include "evidence/metadata/jws.h"
#include "evidence/metadata/payload.h"
#include "verifier/explain/explain.h"

namespace attest::ctl {
namespace {

struct Options {
  std::uint64_t refusal = 0;
  std::string manifest, file, until, out;
};

Result<Refusal> refusal_of(const Session& session, std::uint64_t id) {
  TRY(Json answer, ask(session, {{"op", "explain"}, {"id", id}}, "waiting for the daemon"));
  return parse_refusal(answer.dump());
}

// base_manifest is what the change starts from: a file, or the manifest in force here.
Result<Metadata> base_manifest(const Session& session, const Options& options, const Refusal& refusal) {
  if (!options.file.empty()) {
    TRY(Bytes bytes, read_input(options.file, kMaxMetadataBytes));
    if (Result<Metadata> plain = parse_payload(bytes)) return plain;
    TRY(Bytes payload, unverified_payload(bytes));
    return parse_payload(payload);
  }
  std::string name =
      options.manifest.empty() ? amended_manifest(refusal.appraisal.verdict.mismatches()) : options.manifest;
  if (name.empty())
    return Error{Errc::denied, "the refusal names no manifest: say which one to change with --manifest NAME"};
  TRY(MetadataStore store, MetadataStore::open(session.config));
  TRY(MetadataItem item, store.find(MetadataType::manifest, name));
  return *item.metadata;
}

// renew gives the manifest a version newer than the old one and, where wanted, an end.
Status renew(Metadata& metadata, const std::string& until) {
  metadata.version_time = std::max(wall_clock_now(), metadata.version_time + 1);
  metadata.version = format_rfc3339(metadata.version_time);
  metadata.not_before = std::min(metadata.not_before, metadata.version_time);
  if (until.empty()) return ok();
  TRY(metadata.not_after, parse_rfc3339(until.size() == 10 ? until + "T23:59:59Z" : until));
  if (metadata.not_after <= metadata.version_time)
    return Error{Errc::denied, "--until " + until + " has passed already"};
  return ok();
}

Result<Exit> run(const Session& session, const Options& options) {
  TRY(Refusal refusal, refusal_of(session, options.refusal));
  TRY(Metadata metadata, base_manifest(session, options, refusal));
  TRY(std::vector<std::string> changes,
      amend(metadata.manifest, metadata.name, refusal.appraisal.verdict.mismatches()));
  CHECK_OK(renew(metadata, options.until));
  TRY(std::string payload, write_payload(metadata));
  std::string out = options.out.empty() ? metadata.name + ".json" : options.out;
  CHECK_OK(write_output(out, as_view(payload)));
  std::uint64_t untold = refusal.appraisal.mismatches_omitted;
  if (session.json)
    return print_json({{"file", out},
                       {"name", metadata.name},
                       {"version", metadata.version},
                       {"refusal", refusal.id},
                       {"changes", changes},
                       {"not_covered", untold}});
  row("manifest", metadata.name + " " + metadata.version + "   from refusal " + std::to_string(refusal.id));
  for (const std::string& change : changes) row("", change);
  if (untold > 0)
    row("warning", std::to_string(untold) + " more disagreements were not recorded and stay refused",
        Tone::warn);
  row("wrote", out + "   not signed yet: read it before you sign");
  row("next", "attestctl metadata sign " + out +
                  " --ca DIR, then attestctl metadata import on every machine that judges");
  return settle(session, untold > 0);
}

}  // namespace

void add_metadata_allow(CLI::App& metadata, Session& session) {
  auto options = std::make_shared<Options>();
  CLI::App* app = command(metadata, session, "allow", "write the manifest that would allow what was refused",
                          [options](Session& s) { return run(s, *options); });
  app->add_option("--from-refusal", options->refusal, "number of the refusal (default: the last one)");
  app->add_option("--manifest", options->manifest,
                  "which manifest to change (default: the one the refusal names)");
  app->add_option("--file", options->file,
                  "take the manifest from a file instead of this machine's metadata");
  app->add_option("--until", options->until,
                  "last day of the changed manifest, 2026-12-01 (default: as before)");
  app->add_option("-o,--out", options->out, "file to write (default: NAME.json)");
}

}  // namespace attest::ctl
