// result.h: CMC's attestation result, format 3.4.0: what a verifier answers, in both serialisations.
#pragma once
#include "evidence/cmc/hardware_result.h"
#include "evidence/cmc/metadata.h"

namespace attest::cmc {

inline constexpr std::string_view kResultVersion = "3.4.0";
inline constexpr std::string_view kResultType = "Attestation Result";

struct SignatureFinding {
  Finding signature, chain;
  std::vector<Bytes> certs;  // DER of the chain, root last where it is known
};

struct MetadataFinding {
  Metadata metadata;
  Finding summary, validity;
  std::vector<SignatureFinding> signatures;
  std::string manifest_hash;
  std::optional<Finding> omsp_validity, omsp_status;
  std::string revocation_time, revocation_reason;
};

struct TpmFinding {
  std::vector<DigestFinding> pcrs;
  Finding aggregate;
};

struct MeasurementFinding {
  std::string type;  // "TPM Result", "SNP Result"
  Finding summary, freshness;
  SignatureFinding signature;
  std::vector<DigestFinding> artifacts;
  std::optional<TpmFinding> tpm;
  std::optional<SnpFinding> snp;
  std::optional<TdxFinding> tdx;
  std::optional<SgxFinding> sgx;
};

struct CompatibilityFinding {
  Finding result;
  std::vector<Finding> description_match, manifest_match, manifest_compatibility;
};

struct Party {
  std::string hostname, ip, peer_id;
};

struct AttestationResult {
  Finding summary;
  Party prover, verifier;
  std::string created;
  Finding freshness;
  std::int64_t cert_level = 0;
  std::vector<MeasurementFinding> measurements;
  MetadataFinding image;
  std::vector<MetadataFinding> manifests, companies, unknown, omsp_responses;
  CompatibilityFinding compatibility;
};

// codes_of collects every code in a result, each once, ascending.
std::vector<int> codes_of(const AttestationResult& result);
// forms: certificates that were written before; nullptr: none.
class CertificateForms;
void write_result(Sink& out, const AttestationResult& result, CertificateForms* forms = nullptr);
Bytes encode_result(const AttestationResult& result, Encoding encoding, CertificateForms* forms = nullptr);
// write_certificate shows an X.509 certificate as CMC's results do; false (nothing written) if it cannot be parsed.
bool write_certificate(Sink& out, View der);

}  // namespace attest::cmc
