// context.h: the report context: everything a quote vouches for beside the PCRs, without the logs.
#pragma once
#include <optional>

#include "evidence/core/hash.h"
#include "evidence/native/binder.h"

namespace attest {

enum class AnchorKind : std::uint8_t { sw = 0, tpm = 1, snp = 2, tdx = 3, sgx = 4, azure = 5 };
const char* anchor_name(AnchorKind kind);  // "tpm"

enum class FreshnessMode : std::uint8_t { nonce = 0, known_key = 1, epoch_id = 2 };

// AnchorIdentity names the device that stands behind an anchor: the AK's TPM name (nameAlg || digest) for a TPM,
// the chip id for SNP, SHA-256 of the PPID for TDX and SGX, of the SPKI for the software driver and for the vTPM key that
// Azure's claims name. 1 to 66 bytes.
struct AnchorIdentity {
  AnchorKind kind = AnchorKind::tpm;
  Bytes id;
  bool operator==(const AnchorIdentity&) const = default;
};

struct PcrSelection {
  HashAlg bank = HashAlg::sha256;
  std::vector<std::uint8_t> pcrs;  // ascending, each below 24, no duplicates
  bool operator==(const PcrSelection&) const = default;
};

struct ReportContext {
  static constexpr std::size_t kMaxLabel = 64;
  static constexpr std::size_t kMaxMetadata = 64;
  static constexpr std::size_t kMaxAnchors = 4;
  std::uint8_t profile = 0;  // 0: native
  FreshnessMode freshness = FreshnessMode::nonce;
  Role role = Role::server;
  std::string service;       // service label: who asked the daemon, by SO_PEERCRED; "" for a raw report
  std::vector<AnchorIdentity> anchors;  // of all anchors in this evidence, in order, no kind twice
  std::optional<PcrSelection> pcrs;     // present with a TPM anchor
  std::vector<Digest> metadata;         // SHA-256 of each signed item the machine claims: image description first
  Digest known_key;                     // SHA-256(SPKI of K); empty: absent; with freshness nonce the quote vouches for K too
  Digest epoch_id;                      // SHA-256(Epoch ID); empty: absent
};

Result<Bytes> encode_context(const ReportContext& context);
// decode_context is strict (deterministic CBOR); the verifier hashes the bytes that came.
Result<ReportContext> decode_context(View bytes);

}  // namespace attest
