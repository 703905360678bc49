// attestctl metadata create: unsigned payloads: a manifest (reference values) or an image description (which
// manifests).
#include <cstdio>

#include "apps/attestctl/commands.h"
#include "apps/attestctl/field.h"
#include "apps/attestctl/files.h"
#include "apps/attestctl/style.h"
#include "evidence/metadata/manifest.h"
#include "evidence/metadata/payload.h"

namespace attest::ctl {
namespace {

constexpr UnixTime kDay = 86400;

struct Options {
  Metadata metadata;
  std::string components, out, version;
  std::vector<std::uint32_t> pcrs;
  std::int64_t days = 365;
  bool from_machine = false;
  bool log_order = false;
};

Status set_times(Options& options) {
  Metadata& metadata = options.metadata;
  metadata.version_time = wall_clock_now();
  if (!options.version.empty()) {
    TRY(metadata.version_time, parse_rfc3339(options.version));
  }
  metadata.version = options.version.empty() ? format_rfc3339(metadata.version_time) : options.version;
  metadata.not_before = metadata.version_time;
  metadata.not_after = metadata.version_time + options.days * kDay;
  return ok();
}

Result<std::vector<ReferenceValue>> machine_references(const Session& session) {
  TRY(Json answer, ask(session, {{"op", "reference"}}, "reading the machine's logs"));
  return parse_components(as_view(list_of(answer, "components").dump()));
}

Result<std::vector<ReferenceValue>> references(const Session& session, const Options& options) {
  if (options.from_machine) return machine_references(session);
  TRY(Bytes bytes, read_input(options.components));
  return parse_components(bytes);
}

void keep_pcrs(std::vector<ReferenceValue>& values, const std::vector<std::uint32_t>& pcrs) {
  if (pcrs.empty()) return;
  std::erase_if(values, [&](const ReferenceValue& value) {
    return value.anchor == AnchorKind::tpm && std::ranges::find(pcrs, value.reg) == pcrs.end();
  });
}

Status write_payload_to(const Options& options) {
  TRY(std::string payload, write_payload(options.metadata));
  if (!payload.ends_with('\n')) payload += '\n';
  return write_output(options.out, as_view(payload));
}

Result<Exit> tell(const Session& session, const Options& options, const std::string& content) {
  if (options.out.empty() || options.out == "-") return Exit::accepted;
  const Metadata& metadata = options.metadata;
  if (session.json)
    return print_json({{"file", options.out},
                       {"name", metadata.name},
                       {"version", metadata.version},
                       {"references", metadata.manifest.references.size()}});
  row("wrote", options.out + "   " + describe(metadata) + ", " + content + ", not signed yet");
  row("next", "attestctl metadata sign " + options.out + " --ca DIR");
  return Exit::accepted;
}

Result<Exit> manifest(const Session& session, Options options) {
  if (options.from_machine == !options.components.empty())
    return usage(session, "metadata create manifest: give either --from-machine or --components FILE");
  CHECK_OK(set_times(options));
  Manifest& body = options.metadata.manifest;
  TRY(body.references, references(session, options));
  keep_pcrs(body.references, options.pcrs);
  if (body.references.empty())
    return Error{Errc::mismatch, "no reference values: a manifest that names nothing allows nothing"};
  body.log_ordered = options.from_machine || options.log_order;
  if (body.base_layers.empty()) body.base_layers = {options.metadata.name};
  CHECK_OK(write_payload_to(options));
  return tell(session, options, thousands(body.references.size()) + " reference values");
}

Result<Exit> image(const Session& session, Options options) {
  CHECK_OK(set_times(options));
  options.metadata.type = MetadataType::image_description;
  CHECK_OK(write_payload_to(options));
  return tell(session, options, std::to_string(options.metadata.image.manifests.size()) + " manifests");
}

void add_shared(CLI::App* app, Options& options) {
  app->add_option("--name", options.metadata.name, "its name")->required();
  app->add_option("--description", options.metadata.description, "a sentence for people");
  app->add_option("--version", options.version, "its moment, RFC 3339 (default: now)");
  app->add_option("--days", options.days, "how long it is valid")
      ->capture_default_str()
      ->check(CLI::Range(1, 36500));
  app->add_option("-o,--out", options.out, "file to write (default: stdout)");
}

}  // namespace

void add_metadata_create(CLI::App& metadata, Session& session) {
  CLI::App* create = group(metadata, "create", "write an unsigned manifest or image description");
  auto options = std::make_shared<Options>();
  CLI::App* app = command(*create, session, "manifest", "reference values, in the order they are measured",
                          [options](Session& s) { return manifest(s, *options); });
  add_shared(app, *options);
  app->add_flag("--from-machine", options->from_machine,
                "take what this machine measured since it was switched on");
  app->add_option("--components", options->components, "take a JSON list of components from a file");
  app->add_flag("--log-order", options->log_order,
                "the components stand in the order of the log, which is enforced");
  app->add_option("--pcrs", options->pcrs, "only these PCRs")->delimiter(',')->check(CLI::Range(0, 23));
  app->add_option("--base", options->metadata.manifest.base_layers,
                  "manifest below this one (default: none, it is the root)");
  app->add_option("--developer", options->metadata.manifest.developer, "who made the software");

  auto image_options = std::make_shared<Options>();
  app = command(*create, session, "image-description", "which manifests together are a machine",
                [image_options](Session& s) { return image(s, *image_options); });
  add_shared(app, *image_options);
  app->add_option("--manifest", image_options->metadata.image.manifests,
                  "name of a manifest (may be repeated)")
      ->required();
}

}  // namespace attest::ctl
