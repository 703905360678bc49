// report.h: the attestation report of AMD SEV-SNP (SEV Secure Nested Paging Firmware ABI Specification, AMD 56860,
// revision 1.58, clause 7.3, table "ATTESTATION_REPORT").
#pragma once
#include <optional>

#include "evidence/core/bytes.h"

namespace attest {

inline constexpr std::size_t kSnpReportBytes = 1184;
inline constexpr std::size_t kSnpSignedBytes = 0x2a0;  // what the signature covers
inline constexpr std::size_t kSnpReportDataBytes = 64;

// SnpProduct is a line of processors with one root of trust (ARK) and one layout of TCB versions. Siena and Bergamo
// count as Genoa, as AMD's key server counts them.
enum class SnpProduct : std::uint8_t { unknown, milan, genoa, turin };
const char* snp_product_name(SnpProduct product);  // "milan"; "unknown"
// snp_product_from_cpuid maps family and model; unknown for processors this code has no layout for.
SnpProduct snp_product_from_cpuid(std::uint8_t family, std::uint8_t model);
// snp_product_from_name maps "Milan", "Milan-B0", "genoa"; unknown otherwise.
SnpProduct snp_product_from_name(std::string_view name);

// SnpTcb is a TCB_VERSION spelled out: the security patch level of each part of the firmware. Turin counts the FMC as
// well and stores the parts in another order.
struct SnpTcb {
  std::uint8_t fmc = 0;  // Turin only, else 0
  std::uint8_t bl = 0;
  std::uint8_t tee = 0;
  std::uint8_t snp = 0;
  std::uint8_t ucode = 0;
  bool operator==(const SnpTcb&) const = default;
  // at_least: no part is older than in `other`. Two versions may each have an older part.
  bool at_least(const SnpTcb& other) const;
};
std::string tcb_text(const SnpTcb& tcb, SnpProduct product);  // "bl 4, tee 0, snp 24, ucode 219"

using SnpTcbBytes = std::array<std::uint8_t, 8>;  // a TCB_VERSION as it lies in the report
// decode_tcb reads a TCB_VERSION in the layout of a product; for an unknown one in that of Milan and Genoa.
SnpTcb decode_tcb(const SnpTcbBytes& bytes, SnpProduct product);
// reserved_in_tcb: bytes that must be zero in this layout are not.
bool reserved_in_tcb(const SnpTcbBytes& bytes, SnpProduct product);

// SnpPolicyBits are the bits of GUEST_POLICY, as AMD numbers them.
struct SnpPolicyBits {
  static constexpr unsigned kSmt = 16, kReservedOne = 17, kMigrationAgent = 18, kDebug = 19, kSingleSocket = 20,
                            kCxl = 21, kMemAes256Xts = 22, kRaplDisabled = 23, kCiphertextHiding = 24,
                            kPageSwapDisabled = 25, kFirstReserved = 26;
};

struct SnpVersion {
  std::uint8_t major = 0, minor = 0, build = 0;
  auto operator<=>(const SnpVersion&) const = default;
};
std::string version_text(const SnpVersion& version);  // "1.55.29"

enum class SnpSigningKey : std::uint8_t { vcek = 0, vlek = 1, none = 7 };
const char* signing_key_name(std::uint8_t key);  // "VCEK", "VLEK", "none", "reserved"

// SnpReport is a parsed report. It proves nothing by itself: verify_snp_report in signature.h is the only way to a
// Verified<SnpReport>.
struct SnpReport {
  std::uint32_t version = 0;  // 2 to 5
  std::uint32_t guest_svn = 0;
  std::uint64_t policy = 0;
  std::array<std::uint8_t, 16> family_id{}, image_id{};
  std::uint32_t vmpl = 0;
  std::uint32_t signature_algorithm = 0;  // 1: ECDSA P-384 with SHA-384
  SnpTcbBytes current_tcb{}, reported_tcb{}, committed_tcb{}, launch_tcb{};
  std::uint64_t platform_info = 0;
  bool author_key_en = false;
  bool mask_chip_key = false;
  std::uint8_t signing_key = 0;  // SnpSigningKey, or a reserved value
  std::array<std::uint8_t, 64> report_data{};
  std::array<std::uint8_t, 48> measurement{};
  std::array<std::uint8_t, 32> host_data{};
  std::array<std::uint8_t, 48> id_key_digest{}, author_key_digest{};
  std::array<std::uint8_t, 32> report_id{}, report_id_ma{};
  struct Cpuid {
    std::uint8_t family = 0, model = 0, stepping = 0;
  };
  std::optional<Cpuid> cpuid;  // since version 3
  std::array<std::uint8_t, 64> chip_id{};  // zero where the host masks it
  SnpVersion current, committed;           // of the SNP firmware
  std::optional<std::uint64_t> launch_mitigations, current_mitigations;  // since version 5
  bool unknown_fields = false;                // bytes this version reserves are not zero; the signature covers them
  std::array<std::uint8_t, 48> r{}, s{};      // big-endian

  // product by CPUID; unknown for version 2, which does not say.
  SnpProduct product() const;
  unsigned abi_minor() const { return static_cast<unsigned>(policy & 0xff); }
  unsigned abi_major() const { return static_cast<unsigned>(policy >> 8 & 0xff); }
  bool allows(unsigned policy_bit) const { return (policy >> policy_bit & 1) != 0; }
};

// parse_snp_report reads one report that fills `bytes` exactly. malformed for another length and for a signature field that
// is not two numbers of 48 bytes; unsupported for versions other than 2 to 5.
Result<SnpReport> parse_snp_report(View bytes);

}  // namespace attest
