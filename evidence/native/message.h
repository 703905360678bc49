// message.h: the evidence message of the native profile (docs/PROTOCOL.md, "Evidence").
#pragma once
#include <variant>

#include "evidence/native/epoch.h"
#include "evidence/native/known_key.h"
#include "evidence/native/merkle.h"

namespace attest {

// Bounds on what a peer may send; each is checked before anything is allocated for it.
inline constexpr std::size_t kMaxEvidence = 1 << 20;       // bytes of an evidence message
inline constexpr std::size_t kMaxSegments = 16384;         // segments of one log
inline constexpr std::uint32_t kMaxLogEvents = 200000;     // events of one log after expansion
inline constexpr std::size_t kMaxCerts = 4;                // AK chain
inline constexpr std::size_t kMaxCertBytes = 8192;

// RunSegment stands for events that equal `count` consecutive reference values, from `first` on, of the metadata
// item number `metadata` in the context's list (anchor, PCR, bank and hash are the reference's). Expanding a run is
// not a match: the appraiser still applies order, count and policy.
struct RunSegment {
  std::uint32_t metadata = 0;
  std::uint32_t first = 0;  // index among the manifest's TPM components
  std::uint32_t count = 0;
};
// PackedSegment stands for events that equal reference values of one item which do not follow each other there: the index of
// each, in log order. Like a run it is no match.
struct PackedSegment {
  std::uint32_t metadata = 0;
  std::uint8_t bits = 0;               // of one index on the wire, 1 to 32; which is due, says index_bits (references.h)
  std::vector<std::uint32_t> entries;  // never empty
};
// EventSegment is one event in full. For a firmware event: PCR, type, digest of the quoted bank and (a hint, cut at
// 1,024 bytes) its data. For an IMA entry: PCR, template name and the complete template data; digest is the stored
// SHA-1 template hash, all zeros for a violation.
struct EventSegment {
  std::uint8_t pcr = 0;
  std::uint32_t type = 0;   // TCG event type; 0 for IMA
  std::string template_name;  // IMA only
  Bytes digest;
  Bytes data;
};
// DigestSegment is an IMA entry whose content the prover keeps to itself: what it extended in the quoted bank. It
// replays and matches like the entry in full; only its name is not told.
struct DigestSegment {
  std::uint8_t pcr = 0;
  Bytes digest;
};
using Segment = std::variant<RunSegment, EventSegment, DigestSegment, PackedSegment>;

enum class LogKind : std::uint8_t { tcg = 1, ima = 2 };

struct EvidenceLog {
  LogKind kind = LogKind::tcg;
  std::uint32_t events = 0;  // after expansion, those left out among them: the events this quote covers
  std::vector<Segment> segments;
  std::uint32_t skipped = 0;  // events before the first segment, which the verifier holds from an earlier message
};

struct TpmAnchor {
  static constexpr AnchorKind kKind = AnchorKind::tpm;
  Bytes attest;      // TPMS_ATTEST
  Bytes signature;   // TPMT_SIGNATURE
  Bytes ak_public;   // TPMT_PUBLIC
  std::vector<Bytes> ak_chain;     // DER, AK certificate first; empty where the AK is pinned by name
  std::vector<Digest> pcr_values;  // in the order of the context's selection
  std::uint8_t startup_locality = 0;  // start value of PCR 0: 0, 3 or 4
  std::vector<EvidenceLog> logs;
};

// SwAnchor proves nothing about hardware: a statement signed by a key in a file.
struct SwAnchor {
  static constexpr AnchorKind kKind = AnchorKind::sw;
  Bytes statement;   // CBOR {0: qualifying data, 1: host name, 2: [text, digest] measurements}
  Bytes signature;   // ECDSA P-256 / SHA-256, DER
  Bytes public_key;  // SPKI DER
};

// SnpAnchor is a report of an AMD SEV-SNP guest over the qualifying data and 32 zero bytes (evidence/snp/anchor.h).
struct SnpAnchor {
  static constexpr AnchorKind kKind = AnchorKind::snp;
  static constexpr std::size_t kMaxCertificates = 3;
  Bytes report;                     // ATTESTATION_REPORT
  std::vector<Bytes> certificates;  // DER: VCEK or VLEK first, then ASK or ASVK
};

// TdxAnchor is a quote of a TDX guest over the qualifying data and 32 zero bytes, and the log behind its RTMRs.
struct TdxAnchor {
  static constexpr AnchorKind kKind = AnchorKind::tdx;
  Bytes quote;      // DCAP quote with its PCK certificate chain (evidence/dcap/anchor.h)
  Bytes event_log;  // the records of the CCEL area without what stands behind them; empty where there is none
};

// SgxAnchor is a quote of an SGX enclave over the same.
struct SgxAnchor {
  static constexpr AnchorKind kKind = AnchorKind::sgx;
  Bytes quote;
};

// AzureAnchor stands beside a TpmAnchor: hardware vouches for claims, and they for the attestation key of the vTPM. It covers no
// handshake itself (evidence/azure/anchor.h).
struct AzureAnchor {
  static constexpr AnchorKind kKind = AnchorKind::azure;
  Bytes hcl;                        // report of the paravisor, without what stands behind the claims
  std::vector<Bytes> certificates;  // SEV-SNP: DER, VCEK first, then ASK
  Bytes td_quote;                   // TDX: a quote over the hash of the claims
};

using Anchor = std::variant<TpmAnchor, SwAnchor, SnpAnchor, TdxAnchor, SgxAnchor, AzureAnchor>;

// CertifiedKey is the attestation key's word that a TLS key lives in its TPM (TPM2_Certify); see tpm/certified_key.h.
struct CertifiedKey {
  Bytes public_area;  // TPMT_PUBLIC of the TLS key
  Bytes attest;       // TPMS_ATTEST of type certify
  Bytes signature;    // TPMT_SIGNATURE by the key that quotes
};

struct Evidence {
  Bytes context;                // encoded ReportContext, exactly as hashed
  MerklePath path;              // from this evidence hash, or from K's hash, to the quoted batch; without meaning without anchors
  std::vector<Anchor> anchors;  // in the order of context.anchors; empty where the verifier has judged K's quote before
  std::vector<Bytes> metadata;  // signed items sent in full because the verifier may lack them
  std::optional<CertifiedKey> tls_key;  // of the handshake, where it lives in the TPM
  std::optional<KeyProof> key;  // K and its signature over this handshake's evidence hash (freshness known key and Epoch ID)
  std::optional<SignedEpochId> epoch;  // what K was quoted with (freshness Epoch ID)
};

Result<Bytes> encode_evidence(const Evidence& evidence);
// decode_evidence is strict and bounded; it checks form alone, no signature and no consistency between parts.
Result<Evidence> decode_evidence(View bytes);

// encode_log gives the CBOR of one log, so that a prover can keep it between handshakes; encode_evidence_with
// writes an evidence message whose TPM logs are these ready pieces.
Result<Bytes> encode_log(const EvidenceLog& log);
Result<Bytes> encode_evidence_with(const Evidence& evidence, const std::vector<View>& tpm_logs);

}  // namespace attest
