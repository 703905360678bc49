// report.h: CMC's attestation report, format 3.3.0: what a machine of such a fleet sends as evidence.
#pragma once
#include <map>

#include "evidence/cmc/component.h"

namespace attest::cmc {

inline constexpr std::string_view kReportVersion = "3.3.0";
inline constexpr std::string_view kReportType = "Attestation Report";
inline constexpr std::string_view kContextType = "Context";
inline constexpr std::string_view kTpmEvidence = "TPM Evidence";
inline constexpr std::string_view kSnpEvidence = "SNP Evidence";
inline constexpr std::string_view kTdxEvidence = "TDX Evidence";
inline constexpr std::string_view kSgxEvidence = "SGX Evidence";
inline constexpr std::string_view kSwEvidence = "SW Evidence";
inline constexpr std::string_view kIasEvidence = "IAS Evidence";
inline constexpr std::string_view kAzureSnpEvidence = "azure SNP Evidence";
inline constexpr std::string_view kAzureTdxEvidence = "azure TDX Evidence";
inline constexpr std::string_view kAzureVtpmEvidence = "azure vTPM Evidence";
inline constexpr std::string_view kPcrSummary = "PCR Summary";
inline constexpr std::string_view kPcrEventlog = "PCR Eventlog";
inline constexpr std::string_view kSwEventlog = "SW Eventlog";
inline constexpr std::string_view kCcEventlog = "CC Eventlog";
inline constexpr std::string_view kTdxCollateral = "TDX Collateral";
inline constexpr std::string_view kSgxCollateral = "SGX Collateral";
inline constexpr std::string_view kInitValue = "TPM_PCR_INIT_VALUE";

struct EvidenceItem {
  std::string type;
  Bytes evidence, add_data, signature;
};

// Artifact is what explains one register: its log, or its value alone.
struct Artifact {
  std::string type;
  std::int64_t index = 0;  // PCR or measurement register
  std::vector<Component> events;
  std::vector<LentComponent> lent{};  // instead of events, where logs are lent
  bool operator==(const Artifact& other) const { return type == other.type && index == other.index && events == other.events; }
};

struct Collateral {
  std::string type;  // of the evidence it belongs to
  std::vector<Bytes> certs;
  Bytes key;
  std::vector<Artifact> artifacts;
  bool operator==(const Collateral&) const = default;
};

// ReportContext is everything the evidence binds through its nonce, which is the hash of its encoding.
struct ReportContext {
  std::string type, alg;
  Bytes nonce;                            // the verifier's
  std::vector<Collateral> collateral;
  std::vector<std::string> digests;       // lower-case hex of every signed item, in any order
  std::map<std::string, Bytes> metadata;  // the items that travel, by their digest as the prover wrote it
  std::map<std::string, View> lent{};     // instead of metadata, where items are lent
};

struct Report {
  Encoding encoding = Encoding::json;
  std::string version, type, name;
  std::vector<EvidenceItem> evidences;
  ReportContext context;
  View hashed_context;  // the bytes the evidence nonce is the hash of, as they came: lent by what was decoded
};

constexpr std::size_t kMaxReport = 64 << 20;

// decode_report reads either serialisation. The context of a CBOR report must be canonical, the map around it need not
// be. malformed for anything else, trailing bytes included; unsupported for an encoding that is neither b64 nor cbor.
// The text of a JSON context is base64url without escapes. hashed_context is lent by bytes.
// A version other than 3.3.0 is the caller's to refuse: of such a report only the version is filled in.
Result<Report> decode_report(View bytes);
// decode_lent_report does the same; in CBOR, signed items are lent by bytes, and event logs of TPM registers where they can be.
Result<Report> decode_lent_report(View bytes);

// parse_artifact and encode_artifact: one log by itself, as it is kept in a file. Either serialisation is read.
Result<Artifact> parse_artifact(View bytes);
Bytes encode_artifact(const Artifact& artifact, Encoding encoding);

// encode_context is the context in its final form: JSON text, or canonical CBOR.
Bytes encode_context(const ReportContext& context, Encoding encoding);
// hashed_context: the bytes to be hashed: of JSON the base64url text that travels, of CBOR the encoding itself.
Bytes hashed_context(View encoded_context, Encoding encoding);
// encode_report writes the report around a context that was encoded and hashed already.
Bytes encode_report(const Report& report, View encoded_context);

}  // namespace attest::cmc
