// metadata.h: signed metadata (CMC's manifests and image descriptions), parsed and verified.
#pragma once
#include <memory>
#include <optional>
#include <unordered_map>

#include "evidence/core/hash.h"
#include "evidence/core/time.h"
#include "evidence/core/verified.h"
#include "evidence/native/context.h"

namespace attest {

enum class MetadataType : std::uint8_t { manifest, image_description, company_description, omsp_response };

// ReferenceValue is one SBOM component with its cmc.ta and cmc.index.
struct ReferenceValue {
  AnchorKind anchor = AnchorKind::tpm;
  std::uint32_t reg = 0;        // PCR or MR index
  std::string name;             // a hint
  std::string description;
  bool optional = false;        // may be absent
  std::vector<std::pair<HashAlg, Digest>> hashes;
  const Digest* hash(HashAlg alg) const;  // nullptr if there is none of this algorithm
};

struct Manifest {
  std::vector<std::string> base_layers;
  int cert_level = 0;
  // details["attest.order"] == "log": the reference values of each PCR stand in log order and order is enforced.
  bool log_ordered = false;
  std::vector<ReferenceValue> references;  // in file order; run segments index those with anchor tpm
  std::vector<std::uint32_t> tpm;          // indices into references
  std::string snp_policy;                  // JSON as signed ("snpPolicy"); empty: none. The verifier reads it
  std::string developer;                   // developerCommonName: who made it, as the manifest says; not checked
};

struct ImageDescription {
  std::vector<std::string> manifests;      // names, in order, none twice
  std::string location;
};

// Metadata is one item's payload. version is RFC 3339 text as signed; version_time its moment.
struct Metadata {
  MetadataType type = MetadataType::manifest;
  std::string name;
  std::string version;
  UnixTime version_time = 0;
  UnixTime not_before = 0;
  UnixTime not_after = 0;
  std::string description;
  std::string signer;                      // subject CN of the first signer
  Manifest manifest;
  ImageDescription image;
};

// MetadataItem is a verified item with the bytes it came as.
struct MetadataItem {
  Digest digest;                           // SHA-256 of bytes
  Bytes bytes;
  Verified<Metadata> metadata;
};

// check_validity: stale, with the item's name and the date, outside not_before to not_after.
Status check_validity(const Metadata& metadata, UnixTime when);
// describe names an item for people: manifest "os" 2026-11-21T22:40:24Z.
std::string describe(const Metadata& metadata);
// metadata_type_name is the type as it stands in payloads: "Image Description".
const char* metadata_type_name(MetadataType type);

// verify_metadata checks a JWS (flattened or general JSON) or a COSE_Sign whose chains end in one of the roots (DER),
// every signature, signer role (codeSigning or no EKU), then parses the payload, JSON or CBOR. `when` judges the certificates; the item's
// own validity is the caller's. untrusted, malformed or unsupported otherwise; the text names the item.
Result<MetadataItem> verify_metadata(View item, const std::vector<Bytes>& roots, UnixTime when);
// The same for many items with roots that were parsed once.
class TrustStore;
Result<MetadataItem> verify_metadata(View item, const TrustStore& roots, UnixTime when);

}  // namespace attest
