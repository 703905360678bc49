// attestctl metadata create image-description and manifest-description: which manifests together are a machine.
#include "apps/attestctl/commands.h"
#include "apps/attestctl/files.h"
#include "apps/attestctl/metadata/output.h"

namespace attest::ctl {
namespace {

struct ImageOptions {
  MetaOptions meta;
  OutputOptions output;
  std::vector<std::string> manifests, descriptions, more;
  std::string location;
};

Result<cmc::ManifestDescription> read_description(const std::string& file) {
  TRY(Bytes bytes, read_input(file));
  TRY(cmc::ManifestDescription out, cmc::parse_manifest_description(bytes));
  if (out.manifest.empty()) return Error{Errc::malformed, file + ": names no manifest"};
  return out;
}

// add_description replaces the description of that name, or appends it.
void add_description(std::vector<cmc::ManifestDescription>& all, cmc::ManifestDescription one) {
  auto at = std::ranges::find(all, one.name, &cmc::ManifestDescription::name);
  if (at == all.end() || one.name.empty())
    all.push_back(std::move(one));
  else
    *at = std::move(one);
}

Result<Exit> make_image(const Session& session, const ImageOptions& options) {
  if (options.meta.name.empty() && options.meta.in.empty())
    return usage(session, "metadata create image-description: --name is missing");
  TRY(cmc::Metadata image, base_of(options.meta, cmc::kImageDescription));
  if (!options.location.empty()) image.location = options.location;
  if (!options.descriptions.empty()) image.descriptions.clear();
  for (const auto* files : {&options.descriptions, &options.more}) {
    for (const std::string& file : *files) {
      TRY(cmc::ManifestDescription one, read_description(file));
      add_description(image.descriptions, std::move(one));
    }
  }
  for (const std::string& name : options.manifests)
    add_description(image.descriptions, {"Manifest Description", name + ".description", "", name, {}});
  if (image.descriptions.empty())
    return usage(session, "metadata create image-description: give --manifest NAME or --descriptions FILE");
  return put(session, options.output, image, std::to_string(image.descriptions.size()) + " manifests");
}

struct DescriptionOptions {
  std::string in, name, description, manifest, rules;
  OutputOptions output;
};

Result<Exit> make_description(const Session& session, const DescriptionOptions& options) {
  cmc::ManifestDescription out;
  if (!options.in.empty()) {
    TRY(Bytes bytes, read_input(options.in));
    TRY(out, cmc::parse_manifest_description(bytes));
  }
  out.type = "Manifest Description";
  if (!options.name.empty()) out.name = options.name;
  if (!options.description.empty()) out.description = options.description;
  if (!options.manifest.empty()) out.manifest = options.manifest;
  if (out.manifest.empty()) return usage(session, "metadata create manifest-description: --manifest is missing");
  if (out.name.empty()) out.name = out.manifest + ".description";
  if (!options.rules.empty()) {
    TRY(out.oci_rules, read_json(options.rules));
  }
  cmc::Encoding encoding = options.output.encoding();
  CHECK_OK(write_output(options.output.out, shown_bytes(cmc::encode_manifest_description(out, encoding), encoding)));
  return Exit::accepted;
}

}  // namespace

void add_create_image(CLI::App& create, Session& session) {
  auto options = std::make_shared<ImageOptions>();
  CLI::App* app = command(create, session, "image-description", "which manifests together are a machine",
                          [options](Session& s) { return make_image(s, *options); });
  add_meta(*app, options->meta);
  app->add_option("--manifest", options->manifests, "name of a manifest (may be repeated)");
  app->add_option("--descriptions", options->descriptions, "files of `create manifest-description`")->delimiter(',');
  app->add_option("--add-description", options->more, "one more, in place of the one of its name")->delimiter(',');
  app->add_option("--location", options->location, "where the machine stands");
  add_signed_output(*app, options->output);

  auto part = std::make_shared<DescriptionOptions>();
  app = command(create, session, "manifest-description", "one manifest of a machine, with rules for its containers",
                [part](Session& s) { return make_description(s, *part); });
  app->add_option("--in", part->in, "description to start from");
  app->add_option("--name", part->name, "its name (default: MANIFEST.description)");
  app->add_option("--description", part->description, "a sentence for people");
  app->add_option("--manifest", part->manifest, "name of the manifest");
  app->add_option("--oci-rules", part->rules, "file with rules for OCI configurations, JSON");
  add_output(*app, part->output);
}

}  // namespace attest::ctl
