// hcl.h: what the paravisor of an Azure confidential VM (the host compatibility layer, HCL) keeps in the vTPM's NV index
// 0x01400001: a hardware report and the claims it vouches for
// (Microsoft, "Confidential VM guest attestation design detail").
#pragma once
#include <optional>

#include "evidence/core/bytes.h"
#include "evidence/core/hash.h"
#include "evidence/core/owned.h"

namespace attest {

inline constexpr std::size_t kHclHardwareBytes = 1184;  // room for the hardware report
inline constexpr std::size_t kTdReportBytes = 1024;
inline constexpr std::size_t kMaxHclReport = 1 << 16;

enum class HclReportType : std::uint32_t { snp = 2, tdx = 4 };

// HclReport is a parsed report; nothing in it is trusted yet.
struct HclReport {
  std::uint32_t version = 0, request_type = 0, status = 0;
  HclReportType type = HclReportType::snp;
  HashAlg hash = HashAlg::sha256;  // of the claims
  Bytes hardware;                  // SNP: ATTESTATION_REPORT, TDX: TDREPORT
  Bytes claims;                    // JSON, exactly as hashed
};

// parse_hcl_report reads one report; behind it there may be zeros, up to the size of the NV index. malformed for lengths that
// do not agree with each other, unsupported for other versions, report types and hashes.
Result<HclReport> parse_hcl_report(View bytes);

// parse_hcl_runtime reads the part behind the hardware report alone, as it travels beside a report of its own; zeros may stand
// behind it. hardware stays empty.
Result<HclReport> parse_hcl_runtime(View bytes);

// hardware_report_data is the 64 bytes the hardware report binds; malformed if there is none where it should be.
Result<Bytes> hardware_report_data(const HclReport& report);
// claims_digest is what these must be: the hash of the claims, and zeros.
Bytes claims_digest(const HclReport& report);

// HclKey is an RSA key among the claims.
struct HclKey {
  std::string kid;  // "HCLAkPub", "HCLEkPub"
  std::vector<std::string> operations;
  Bytes modulus, exponent;
};

// HclClaims are the claims as read. Configuration values are kept as text: "true", "false", or the string itself.
struct HclClaims {
  std::vector<HclKey> keys;
  std::vector<std::pair<std::string, std::string>> configuration;  // vm-configuration
  Bytes user_data;                                                 // 64 bytes, zeros where the guest gave none
  const HclKey* key(std::string_view kid) const;                   // nullptr: none
  std::optional<std::string> setting(std::string_view name) const;
};

// parse_hcl_claims reads the JSON strictly (no duplicate members); members it does not know are passed over. malformed
// otherwise, also for two keys of one name and for a user-data that is not 64 bytes in hex.
Result<HclClaims> parse_hcl_claims(View json);

// hcl_key_spki is the key as DER SubjectPublicKeyInfo; unsupported unless it is RSA of 2048, 3072 or 4096 bits.
Result<Bytes> hcl_key_spki(const HclKey& key);

}  // namespace attest
