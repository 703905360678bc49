#include "evidence/metadata/payload.h"

#include <algorithm>

#include "evidence/core/printable.h"
#include "evidence/json/indent.h"
#include "evidence/json/writer.h"
#include "evidence/metadata/jws.h"
#include "evidence/metadata/manifest.h"

namespace attest {
namespace {

constexpr std::size_t kMaxName = 256;
constexpr std::size_t kMaxPolicy = 64 << 10;
constexpr std::size_t kMaxNames = 1024;  // base layers, descriptions

constexpr std::pair<MetadataType, const char*> kTypes[] = {
    {MetadataType::manifest, "Manifest"},
    {MetadataType::image_description, "Image Description"},
    {MetadataType::company_description, "Company Description"},
    {MetadataType::omsp_response, "OMSP Response"}};

// Draft is a payload before its parts are judged together.
struct Draft {
  Metadata metadata;
  std::string type;
  std::string not_before, not_after;
  bool has_manifest_members = false;
  bool has_image_members = false;
};

// read_name takes 1 to 256 bytes without control characters: names end up on terminals and in file names.
std::string read_name(JsonReader& json) {
  std::string name(json.text());
  bool control =
      std::ranges::any_of(name, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
  if (json.good() && (name.empty() || name.size() > kMaxName || control))
    json.fail("a name must be 1 to 256 bytes without control characters");
  return name;
}

void read_validity(JsonReader& json, Draft& draft) {
  if (json.null()) return;
  json.object([&](std::string_view key) {
    if (key == "notBefore")
      draft.not_before = json.text();
    else if (key == "notAfter")
      draft.not_after = json.text();
    else
      json.skip();
  });
}

void add_name(JsonReader& json, std::vector<std::string>& names, std::string name) {
  if (!json.good()) return;
  if (names.size() == kMaxNames) return json.fail("more than " + std::to_string(kMaxNames) + " names");
  if (std::ranges::find(names, name) != names.end())
    return json.fail("\"" + printable(name) + "\" stands twice");
  names.push_back(std::move(name));
}

void read_base_layers(JsonReader& json, Manifest& manifest) {
  if (json.null()) return;
  json.array([&] { add_name(json, manifest.base_layers, read_name(json)); });
}

void read_descriptions(JsonReader& json, ImageDescription& image) {
  if (json.null()) return;
  json.array([&] {
    std::string manifest;
    json.object([&](std::string_view key) {
      if (key == "manifest")
        manifest = read_name(json);
      else
        json.skip();
    });
    if (json.good() && manifest.empty()) json.fail("a description without manifest");
    add_name(json, image.manifests, std::move(manifest));
  });
}

// read_meta_member reads what every payload has; false if key is no such member.
bool read_meta_member(JsonReader& json, std::string_view key, Draft& draft) {
  if (key == "type")
    draft.type = json.text();
  else if (key == "name")
    draft.metadata.name = read_name(json);
  else if (key == "version")
    draft.metadata.version = json.text();
  else if (key == "description")
    draft.metadata.description = json.text();
  else if (key == "validity")
    read_validity(json, draft);
  else
    return false;
  return true;
}

// read_snp_policy_text keeps a policy as it was signed: what its members mean is the verifier's business.
void read_snp_policy_text(JsonReader& json, Manifest& manifest) {
  std::string_view text = json.raw();
  if (text.size() > kMaxPolicy) return json.fail("a policy of more than " + std::to_string(kMaxPolicy) + " bytes");
  manifest.snp_policy = text;
}

bool read_manifest_member(JsonReader& json, std::string_view key, Manifest& manifest) {
  if (key == "sbom")
    read_sbom(json, manifest);
  else if (key == "baseLayers")
    read_base_layers(json, manifest);
  else if (key == "certLevel")
    manifest.cert_level = static_cast<int>(json.integer(0, INT32_MAX));
  else if (key == "developerCommonName")
    manifest.developer = json.text();
  else if (key == "details")
    read_details(json, manifest);
  else if (key == "snpPolicy" && !json.null())
    read_snp_policy_text(json, manifest);
  else
    return false;
  return true;
}

void read_member(JsonReader& json, std::string_view key, Draft& draft) {
  if (read_meta_member(json, key, draft)) return;
  if (key == "descriptions") {
    draft.has_image_members = true;
    read_descriptions(json, draft.metadata.image);
  } else if (key == "location") {
    draft.metadata.image.location = json.text();
  } else if (read_manifest_member(json, key, draft.metadata.manifest)) {
    draft.has_manifest_members = draft.has_manifest_members || key == "sbom" || key == "baseLayers";
  } else {
    json.skip();
  }
}

Status set_type(Draft& draft) {
  const auto* row = std::ranges::find_if(kTypes, [&](const auto& r) { return draft.type == r.second; });
  if (draft.type.empty()) return Error{Errc::malformed, "metadata: no type"};
  if (row == std::end(kTypes) || row->first == MetadataType::omsp_response)
    return Error{Errc::unsupported, "metadata of type \"" + printable(draft.type, 40) + "\""};
  draft.metadata.type = row->first;
  return ok();
}

Result<UnixTime> due_time(std::string_view text, std::string_view what) {
  if (text.empty()) return Error{Errc::malformed, std::string(what) + " is missing"};
  auto when = parse_rfc3339(text);
  if (!when) return Error{Errc::malformed, std::string(what) + ": " + when.error().what};
  return when;
}

Status check_together(Draft& draft) {
  Metadata& metadata = draft.metadata;
  TRY(metadata.version_time, due_time(metadata.version, "version"));
  TRY(metadata.not_before, due_time(draft.not_before, "validity.notBefore"));
  TRY(metadata.not_after, due_time(draft.not_after, "validity.notAfter"));
  if (metadata.not_before > metadata.not_after)
    return Error{Errc::malformed, "validity ends before it begins"};
  bool manifest = metadata.type == MetadataType::manifest,
       image = metadata.type == MetadataType::image_description;
  if ((manifest || image) && metadata.name.empty()) return Error{Errc::malformed, "name is missing"};
  if (!manifest && draft.has_manifest_members)
    return Error{Errc::malformed, "sbom or baseLayers outside a manifest"};
  if (!image && draft.has_image_members)
    return Error{Errc::malformed, "descriptions outside an image description"};
  if (manifest && metadata.manifest.base_layers.empty())
    return Error{Errc::malformed, "baseLayers is missing"};
  if (image && metadata.image.manifests.empty()) return Error{Errc::malformed, "it describes no manifests"};
  return ok();
}

void write_head(JsonWriter& json, const Metadata& metadata) {
  json.object().field("type", metadata_type_name(metadata.type)).field("name", metadata.name);
  json.field("version", metadata.version).key("validity").object();
  json.field("notBefore", format_rfc3339(metadata.not_before))
      .field("notAfter", format_rfc3339(metadata.not_after));
  json.end_object();
  if (!metadata.description.empty()) json.field("description", metadata.description);
}

void write_manifest_members(JsonWriter& json, const Manifest& manifest) {
  json.key("sbom").object().field("bomFormat", "CycloneDX").field("specVersion", "1.7").field("version", 1);
  json.key("components").raw(write_components(manifest.references)).end_object();
  if (!manifest.developer.empty()) json.field("developerCommonName", manifest.developer);
  json.key("baseLayers").array();
  for (const std::string& name : manifest.base_layers) json.text(name);
  json.end_array();
  if (manifest.cert_level != 0) json.field("certLevel", manifest.cert_level);
  if (!manifest.snp_policy.empty()) json.key("snpPolicy").raw(manifest.snp_policy);
  if (manifest.log_ordered) json.key("details").object().field("attest.order", "log").end_object();
}

void write_image_members(JsonWriter& json, const ImageDescription& image) {
  if (!image.location.empty()) json.field("location", image.location);
  json.key("descriptions").array();
  for (const std::string& name : image.manifests) {
    json.object().field("type", "Manifest Description").field("name", name + ".description");
    json.field("manifest", name).end_object();
  }
  json.end_array();
}

}  // namespace

const char* metadata_type_name(MetadataType type) {
  for (const auto& [known, name] : kTypes)
    if (known == type) return name;
  return "unknown";
}

std::string describe(const Metadata& metadata) {
  std::string type = metadata_type_name(metadata.type);
  std::ranges::transform(type, type.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return type + " \"" + printable(metadata.name) + "\" " + printable(metadata.version, 40);
}

Status check_validity(const Metadata& metadata, UnixTime when) {
  if (when < metadata.not_before)
    return Error{Errc::stale,
                 describe(metadata) + ": not valid before " + format_rfc3339(metadata.not_before)};
  if (when > metadata.not_after)
    return Error{Errc::stale, describe(metadata) + ": expired on " + format_rfc3339(metadata.not_after)};
  return ok();
}

Result<Metadata> parse_payload(View payload) {
  if (payload.size() > kMaxMetadataBytes) return Error{Errc::malformed, "metadata: more than 16 MiB"};
  Draft draft;
  JsonReader json(as_text(payload));
  json.object([&](std::string_view key) { read_member(json, key, draft); });
  CHECK_OK(json.done("metadata"));
  CHECK_OK(set_type(draft));
  if (auto status = check_together(draft); !status)
    return Error{status.error().code, describe(draft.metadata) + ": " + status.error().what};
  return std::move(draft.metadata);
}

Result<std::string> write_payload(const Metadata& metadata) {
  JsonWriter json;
  write_head(json, metadata);
  if (metadata.type == MetadataType::manifest) write_manifest_members(json, metadata.manifest);
  if (metadata.type == MetadataType::image_description) write_image_members(json, metadata.image);
  std::string text = json_indent(json.end_object().so_far());
  auto again = parse_payload(as_view(text));
  if (!again) return Error{Errc::mismatch, "this metadata would be refused: " + again.error().what};
  return text;
}

}  // namespace attest
