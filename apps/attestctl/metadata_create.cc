// attestctl metadata create: payloads: a manifest (reference values), an image description (which manifests), and the
// parts both are put together from.
#include "apps/attestctl/commands.h"
#include "apps/attestctl/field.h"
#include "apps/attestctl/files.h"
#include "apps/attestctl/metadata/output.h"
#include "apps/attestctl/style.h"

namespace attest::ctl {
namespace {

struct ManifestOptions {
  MetaOptions meta;
  OutputOptions output;
  std::vector<std::string> components, base_layers, fingerprints;
  std::vector<std::uint32_t> pcrs;
  std::string developer, details, sbom, sbom_format, spec_version, snp, tdx, sgx, omsp;
  std::optional<std::int64_t> cert_level, sbom_version;
  bool from_machine = false;
  bool log_order = false;
};

Status add_components(cmc::Metadata& manifest, View bytes) {
  TRY(std::vector<cmc::Component> more, cmc::parse_component_list(bytes));
  auto& all = manifest.sbom->components.edit();
  all.insert(all.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
  return ok();
}

void keep_pcrs(std::vector<cmc::Component>& components, const std::vector<std::uint32_t>& pcrs) {
  if (pcrs.empty()) return;
  std::erase_if(components, [&](const cmc::Component& component) {
    const std::string *anchor = component.property("cmc.ta"), *index = component.property("cmc.index");
    if (anchor == nullptr || *anchor != "TPM" || index == nullptr) return false;
    return std::ranges::none_of(pcrs, [&](std::uint32_t pcr) { return std::to_string(pcr) == *index; });
  });
}

Status set_sbom(const Session& session, const ManifestOptions& options, cmc::Metadata& manifest) {
  if (!options.sbom.empty()) {
    TRY(Bytes bytes, read_input(options.sbom));
    TRY(manifest.sbom, cmc::parse_sbom(bytes));
  }
  if (!manifest.sbom) manifest.sbom = cmc::Sbom{"CycloneDX", "1.7", 1, {}};
  cmc::Sbom& sbom = *manifest.sbom;
  if (!options.sbom_format.empty()) sbom.bom_format = options.sbom_format;
  if (!options.spec_version.empty()) sbom.spec_version = options.spec_version;
  if (options.sbom_version) sbom.version = *options.sbom_version;
  if (options.from_machine) {
    TRY(Json answer, ask(session, {{"op", "reference"}}, "reading the machine's logs"));
    CHECK_OK(add_components(manifest, as_view(list_of(answer, "components").dump())));
  }
  for (const std::string& file : options.components) {
    TRY(Bytes bytes, read_input(file));
    CHECK_OK(add_components(manifest, bytes));
  }
  keep_pcrs(sbom.components.edit(), options.pcrs);
  if (sbom.components.empty())
    return Error{Errc::mismatch, "no reference values: a manifest that names nothing allows nothing"};
  return ok();
}

Status set_policy(const std::string& file, std::span<const cmc::Schema> schema, std::optional<Json>& out) {
  if (file.empty()) return ok();
  TRY(Bytes bytes, read_input(file));
  TRY(out, cmc::parse_policy(bytes, schema));
  return ok();
}

// details are JSON, in a file or as they stand.
Status set_details(const ManifestOptions& options, cmc::Metadata& manifest) {
  if (!options.details.empty()) {
    Bytes text = to_bytes(as_view(options.details));
    if (!options.details.starts_with('{')) {
      TRY(text, read_input(options.details));
    }
    Json details = Json::parse(text.begin(), text.end(), nullptr, false);
    if (!details.is_object()) return Error{Errc::malformed, "--details: not a JSON object"};
    manifest.details = std::move(details);
  }
  if (!options.from_machine && !options.log_order) return ok();
  if (!manifest.details) manifest.details = Json::object();
  (*manifest.details)["attest.order"] = "log";
  return ok();
}

Result<Exit> make_manifest(const Session& session, const ManifestOptions& options) {
  bool source = !options.meta.in.empty() || !options.sbom.empty() || !options.components.empty();
  if (options.from_machine ? !options.components.empty() : !source)
    return usage(session, "metadata create manifest: give --from-machine, or --components, --sbom or --in with a FILE");
  if (options.meta.name.empty() && options.meta.in.empty())
    return usage(session, "metadata create manifest: --name is missing");
  TRY(cmc::Metadata manifest, base_of(options.meta, cmc::kManifest));
  CHECK_OK(set_sbom(session, options, manifest));
  CHECK_OK(set_policy(options.snp, cmc::snp_policy_schema(), manifest.snp_policy));
  CHECK_OK(set_policy(options.tdx, cmc::tdx_policy_schema(), manifest.tdx_policy));
  CHECK_OK(set_policy(options.sgx, cmc::sgx_policy_schema(), manifest.sgx_policy));
  CHECK_OK(set_details(options, manifest));
  if (!options.developer.empty()) manifest.developer = options.developer;
  if (!options.base_layers.empty()) manifest.base_layers = options.base_layers;
  if (manifest.base_layers.empty()) manifest.base_layers = {manifest.name};
  if (options.cert_level) manifest.cert_level = *options.cert_level;
  if (!options.fingerprints.empty()) manifest.ca_fingerprints = options.fingerprints;
  if (!options.omsp.empty()) manifest.omsp_server = options.omsp;
  if (!manifest.omsp_server.empty() && options.output.encoding() == cmc::Encoding::cbor)
    return usage(session, "--omsp: CMC's CBOR form has no place for it; use --format json");
  return put(session, options.output, manifest, thousands(manifest.sbom->components.size()) + " reference values");
}

void add_manifest(CLI::App& create, Session& session) {
  auto options = std::make_shared<ManifestOptions>();
  CLI::App& app = *command(create, session, "manifest", "reference values, in the order they are measured",
                           [options](Session& s) { return make_manifest(s, *options); });
  add_meta(app, options->meta);
  app.add_flag("--from-machine", options->from_machine, "take what this machine measured since it was switched on");
  app.add_option("--components", options->components, "take components, or lists of them, from files")->delimiter(',');
  app.add_option("--sbom", options->sbom, "take a CycloneDX document");
  app.add_option("--sbom-format", options->sbom_format, "its bomFormat (default: CycloneDX)");
  app.add_option("--spec-version", options->spec_version, "its specVersion (default: 1.7)");
  app.add_option("--sbom-version", options->sbom_version, "its version (default: 1)")->check(CLI::Range(0, INT32_MAX));
  app.add_flag("--log-order", options->log_order, "the components stand in the order of the log, which is enforced");
  app.add_option("--pcrs", options->pcrs, "only these PCRs")->delimiter(',')->check(CLI::Range(0, 23));
  app.add_option("--base-layers,--base", options->base_layers, "manifests below this one (default: none, it is the root)")
      ->delimiter(',');
  app.add_option("--developer-common-name,--developer", options->developer, "who made the software");
  app.add_option("--cert-level", options->cert_level, "level of certification")->check(CLI::Range(0, INT32_MAX));
  app.add_option("--ca-fingerprints", options->fingerprints, "SHA-256 of makers' root certificates, hex")->delimiter(',');
  app.add_option("--details", options->details, "further members, a JSON object or a file with one");
  app.add_option("--snp-policy", options->snp, "file of `create snp-policy`");
  app.add_option("--tdx-policy", options->tdx, "file of `create tdx-policy`");
  app.add_option("--sgx-policy", options->sgx, "file of `create sgx-policy`");
  app.add_option("--omsp", options->omsp, "URL of the server that says whether the manifest was revoked");
  add_signed_output(app, options->output);
}

}  // namespace

void add_metadata_create(CLI::App& metadata, Session& session) {
  CLI::App* create = group(metadata, "create", "write manifests, image descriptions and their parts");
  add_manifest(*create, session);
  add_create_image(*create, session);
  add_create_policy(*create, session);
}

}  // namespace attest::ctl
