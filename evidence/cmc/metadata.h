// metadata.h: the payloads of CMC's signed metadata, whole: judged, and shown again in results.
#pragma once
#include "evidence/cmc/component.h"
#include "evidence/cmc/schema.h"
#include "evidence/core/time.h"

namespace attest::cmc {

inline constexpr std::string_view kManifest = "Manifest";
inline constexpr std::string_view kImageDescription = "Image Description";
inline constexpr std::string_view kCompanyDescription = "Company Description";
inline constexpr std::string_view kOmspResponse = "OMSP Response";

struct Validity {
  std::string not_before, not_after;  // RFC 3339
};

struct Sbom {
  std::string bom_format, spec_version;
  std::int64_t version = 0;
  Components components;
};

struct ManifestDescription {
  std::string type, name, description, manifest;
  std::optional<nlohmann::json> oci_rules;
};

// OmspStatus is the revocation answer about one manifest.
struct OmspStatus {
  std::string manifest_hash, status, this_update, next_update, revocation_time, revocation_reason;
};

// Metadata is a manifest, an image or company description, or a revocation answer: CMC keeps all four in one structure.
struct Metadata {
  std::string type, name, version;
  std::optional<Validity> validity;
  std::string description;
  // of a manifest
  std::optional<Sbom> sbom;
  std::string developer;
  std::vector<std::string> base_layers;
  std::int64_t cert_level = 0;
  std::vector<std::string> ca_fingerprints;
  std::optional<nlohmann::json> snp_policy, tdx_policy, sgx_policy, details;
  std::string omsp_server;
  // of an image description
  std::string location;
  std::vector<ManifestDescription> descriptions;
  // of a revocation answer
  std::string server, produced_at;
  std::vector<OmspStatus> responses;
};

// parse_metadata reads one payload, JSON or CBOR. malformed if it is neither, or of a wrong form.
Result<Metadata> parse_metadata(View payload);
// The parts of payloads that tools keep in files of their own, JSON or CBOR alike. A component list may be a single one.
Result<std::vector<Component>> parse_component_list(View bytes);
Result<Sbom> parse_sbom(View bytes);
Result<ManifestDescription> parse_manifest_description(View bytes);
Bytes encode_manifest_description(const ManifestDescription& description, Encoding encoding);
// parse_policy and encode_policy: a policy (schema.h), or one entry of its lists.
Result<nlohmann::json> parse_policy(View bytes, std::span<const Schema> members);
Bytes encode_policy(const nlohmann::json& policy, std::span<const Schema> members, Encoding encoding);

// write_members writes all members into the structure that is open in the sink.
void write_members(Sink& out, const Metadata& metadata);
// encode_metadata writes a payload.
Bytes encode_metadata(const Metadata& metadata, Encoding encoding);

}  // namespace attest::cmc
