#include "evidence/cmc/metadata.h"

#include "evidence/cmc/schema.h"

namespace attest::cmc {
namespace {

constexpr std::size_t kMaxNames = 1024;

enum : std::size_t {
  kType, kName, kVersion, kValidity, kDescription, kSbom, kDeveloper, kBaseLayers, kCertLevel, kFingerprints, kSnp, kTdx, kSgx,
  kDetails, kOmspServer, kLocation, kDescriptions, kServer, kProducedAt, kResponses
};
constexpr Field kFields[] = {{"type", 0},
                             {"name", 1},
                             {"version", 2},
                             {"validity", 3},
                             {"description", 4},
                             {"sbom", 10},
                             {"developerCommonName", 11},
                             {"baseLayers", 12},
                             {"certLevel", 13},
                             {"caFingerprints", 14},
                             {"snpPolicy", 15},
                             {"tdxPolicy", 16},
                             {"sgxPolicy", 17},
                             {"details", 18},
                             {"omspServer", Field::kJsonOnly},
                             {"location", Field::kJsonOnly},
                             {"descriptions", 21},
                             {"server", 30},
                             {"producedAt", 31},
                             {"responses", 32}};
constexpr Field kValidityFields[] = {{"notBefore", 0}, {"notAfter", 1}};
constexpr Field kSbomFields[] = {{"bomFormat", 0}, {"specVersion", 1}, {"version", 2}, {"components", 3}};
constexpr Field kDescriptionFields[] = {{"type", 0}, {"name", 1}, {"description", 2}, {"manifest", 3}, {"ociRules", 4}};

struct StatusRow {
  Field field;
  std::string OmspStatus::* member;
  bool optional;
};
constexpr StatusRow kStatusRows[] = {{{"manifestHash", 0}, &OmspStatus::manifest_hash, false},
                                     {{"status", 1}, &OmspStatus::status, false},
                                     {{"thisUpdate", 2}, &OmspStatus::this_update, false},
                                     {{"nextUpdate", 3}, &OmspStatus::next_update, true},
                                     {{"revocationTime", 4}, &OmspStatus::revocation_time, true},
                                     {{"revocationReason", 5}, &OmspStatus::revocation_reason, true}};
constexpr Field kStatusFields[] = {kStatusRows[0].field, kStatusRows[1].field, kStatusRows[2].field,
                                   kStatusRows[3].field, kStatusRows[4].field, kStatusRows[5].field};

void read_texts(Source& in, std::vector<std::string>& out) {
  read_list(in, out, kMaxNames, "names", [&](std::string& text) { text = in.text(); });
}

void read_validity(Source& in, std::optional<Validity>& out) {
  if (in.null()) return;
  out.emplace();
  in.object(kValidityFields, [&](std::size_t i) { (i == 0 ? out->not_before : out->not_after) = in.text(); });
}

void read_sbom(Source& in, std::optional<Sbom>& out) {
  if (in.null()) return;
  out.emplace();
  in.object(kSbomFields, [&](std::size_t i) {
    if (i == 2)
      out->version = in.integer(0, INT32_MAX);
    else if (i == 3)
      read_components(in, out->components.edit());
    else
      (i == 0 ? out->bom_format : out->spec_version) = in.text();
  });
}

void read_description(Source& in, ManifestDescription& out) {
  in.object(kDescriptionFields, [&](std::size_t i) {
    if (i == 4)
      out.oci_rules = in.free();
    else
      (i == 0 ? out.type : i == 1 ? out.name : i == 2 ? out.description : out.manifest) = in.text();
  });
}

void read_status(Source& in, OmspStatus& out) {
  in.object(kStatusFields, [&](std::size_t i) { out.*kStatusRows[i].member = in.text(); });
}

void read_manifest_member(Source& in, std::size_t field, Metadata& out) {
  switch (field) {
    case kSbom:
      return read_sbom(in, out.sbom);
    case kDeveloper:
      out.developer = in.text();
      break;
    case kBaseLayers:
      return read_texts(in, out.base_layers);
    case kCertLevel:
      out.cert_level = in.integer(INT32_MIN, INT32_MAX);
      break;
    case kFingerprints:
      return read_texts(in, out.ca_fingerprints);
    case kSnp:
      if (!in.null()) out.snp_policy = read_tree(in, snp_policy_schema());
      break;
    case kTdx:
      if (!in.null()) out.tdx_policy = read_tree(in, tdx_policy_schema());
      break;
    case kSgx:
      if (!in.null()) out.sgx_policy = read_tree(in, sgx_policy_schema());
      break;
    case kDetails:
      if (!in.null()) out.details = in.free();
      break;
    default:
      out.omsp_server = in.text();
  }
}

void read_member(Source& in, std::size_t field, Metadata& out) {
  switch (field) {
    case kType:
      out.type = in.text();
      break;
    case kName:
      out.name = in.text();
      break;
    case kVersion:
      out.version = in.text();
      break;
    case kValidity:
      return read_validity(in, out.validity);
    case kDescription:
      out.description = in.text();
      break;
    case kLocation:
      out.location = in.text();
      break;
    case kDescriptions:
      return read_list(in, out.descriptions, kMaxNames, "descriptions", [&](ManifestDescription& d) { read_description(in, d); });
    case kServer:
      out.server = in.text();
      break;
    case kProducedAt:
      out.produced_at = in.text();
      break;
    case kResponses:
      return read_list(in, out.responses, kMaxNames, "answers", [&](OmspStatus& status) { read_status(in, status); });
    default:
      read_manifest_member(in, field, out);
  }
}

void write_sbom(Sink& out, const Sbom& sbom) {
  out.key(kFields[kSbom]);
  out.object();
  write_text(out, kSbomFields[0], sbom.bom_format);
  write_text(out, kSbomFields[1], sbom.spec_version);
  if (sbom.version != 0) {
    out.key(kSbomFields[2]);
    out.integer(sbom.version);
  }
  write_list(out, kSbomFields[3], sbom.components, [&](const Component& component) { write_component(out, component); });
  out.end_object();
}

void write_policy(Sink& out, const Field& field, std::span<const Schema> schema, const std::optional<nlohmann::json>& policy) {
  if (!policy) return;
  out.key(field);
  write_tree(out, schema, *policy);
}

void write_manifest_members(Sink& out, const Metadata& m) {
  if (m.sbom) write_sbom(out, *m.sbom);
  write_some(out, kFields[kDeveloper], m.developer);
  write_texts(out, kFields[kBaseLayers], m.base_layers);
  if (m.cert_level != 0) {
    out.key(kFields[kCertLevel]);
    out.integer(m.cert_level);
  }
  write_texts(out, kFields[kFingerprints], m.ca_fingerprints);
  write_policy(out, kFields[kSnp], snp_policy_schema(), m.snp_policy);
  write_policy(out, kFields[kTdx], tdx_policy_schema(), m.tdx_policy);
  write_policy(out, kFields[kSgx], sgx_policy_schema(), m.sgx_policy);
  if (m.details && !m.details->empty()) {
    out.key(kFields[kDetails]);
    out.free(*m.details);
  }
  write_some(out, kFields[kOmspServer], m.omsp_server);
}

void write_description(Sink& out, const ManifestDescription& d) {
  out.object();
  write_text(out, kDescriptionFields[0], d.type);
  write_text(out, kDescriptionFields[1], d.name);
  write_some(out, kDescriptionFields[2], d.description);
  write_some(out, kDescriptionFields[3], d.manifest);
  if (d.oci_rules && !d.oci_rules->empty()) {
    out.key(kDescriptionFields[4]);
    out.free(*d.oci_rules);
  }
  out.end_object();
}

void write_status(Sink& out, const OmspStatus& status) {
  out.object();
  for (const StatusRow& row : kStatusRows) (row.optional ? write_some : write_text)(out, row.field, status.*row.member);
  out.end_object();
}

std::unique_ptr<Source> make_source(View bytes, Encoding encoding) {
  if (encoding == Encoding::json) return std::make_unique<JsonSource>(as_text(bytes));
  return std::make_unique<CborSource>(bytes, false);
}

// parse reads one structure that fills its bytes.
template <class T, class F>
Result<T> parse(View bytes, std::string_view what, F&& read) {
  TRY(Encoding encoding, encoding_of(bytes));
  auto in = make_source(bytes, encoding);
  T out;
  read(*in, out);
  CHECK_OK(in->done(what));
  return out;
}

// is_list: the bytes begin as a list does.
bool is_list(View bytes) {
  std::size_t at = as_text(bytes).find_first_not_of(" \t\r\n");
  return at != std::string_view::npos && (bytes[at] == '[' || bytes[0] >> 5 == 4);
}

}  // namespace

Result<Metadata> parse_metadata(View payload) {
  return parse<Metadata>(payload, "metadata", [](Source& in, Metadata& out) {
    in.object(kFields, [&](std::size_t field) { read_member(in, field, out); });
  });
}

Result<std::vector<Component>> parse_component_list(View bytes) {
  std::vector<Component> out;
  if (!is_list(bytes)) {
    TRY(Component one, parse<Component>(bytes, "component", read_component));
    out.push_back(std::move(one));
    return out;
  }
  auto in = make_source(bytes, bytes[0] >> 5 == 4 ? Encoding::cbor : Encoding::json);
  read_components(*in, out);
  CHECK_OK(in->done("components"));
  return out;
}

Result<Sbom> parse_sbom(View bytes) {
  return parse<Sbom>(bytes, "sbom", [](Source& in, Sbom& out) {
    std::optional<Sbom> read;
    read_sbom(in, read);
    if (read) out = *std::move(read);
  });
}

Result<ManifestDescription> parse_manifest_description(View bytes) {
  return parse<ManifestDescription>(bytes, "manifest description", read_description);
}

Bytes encode_manifest_description(const ManifestDescription& description, Encoding encoding) {
  auto out = make_sink(encoding);
  write_description(*out, description);
  return out->finish();
}

Result<nlohmann::json> parse_policy(View bytes, std::span<const Schema> members) {
  return parse<nlohmann::json>(bytes, "policy", [&](Source& in, nlohmann::json& out) { out = read_tree(in, members); });
}

Bytes encode_policy(const nlohmann::json& policy, std::span<const Schema> members, Encoding encoding) {
  auto out = make_sink(encoding);
  write_tree(*out, members, policy);
  return out->finish();
}

void write_members(Sink& out, const Metadata& m) {
  write_text(out, kFields[kType], m.type);
  write_some(out, kFields[kName], m.name);
  write_some(out, kFields[kVersion], m.version);
  if (m.validity) {
    out.key(kFields[kValidity]);
    out.object();
    write_text(out, kValidityFields[0], m.validity->not_before);
    write_text(out, kValidityFields[1], m.validity->not_after);
    out.end_object();
  }
  write_some(out, kFields[kDescription], m.description);
  write_manifest_members(out, m);
  write_some(out, kFields[kLocation], m.location);
  write_list(out, kFields[kDescriptions], m.descriptions, [&](const ManifestDescription& d) { write_description(out, d); });
  write_some(out, kFields[kServer], m.server);
  write_some(out, kFields[kProducedAt], m.produced_at);
  write_list(out, kFields[kResponses], m.responses, [&](const OmspStatus& status) { write_status(out, status); });
}

Bytes encode_metadata(const Metadata& metadata, Encoding encoding) {
  auto out = make_sink(encoding);
  out->object();
  write_members(*out, metadata);
  out->end_object();
  return out->finish();
}

}  // namespace attest::cmc
