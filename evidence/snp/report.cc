#include "evidence/snp/report.h"

#include <cctype>

namespace attest {
namespace {

constexpr std::uint32_t kFirstVersion = 2, kLastVersion = 5;
constexpr std::uint32_t kVersionWithCpuid = 3, kVersionWithMitigations = 5;
constexpr std::size_t kNumber = 72;      // of a signature: r or s, little-endian
constexpr std::size_t kNumberUsed = 48;  // P-384

bool any(View bytes) {
  return std::ranges::any_of(bytes, [](std::uint8_t b) { return b != 0; });
}

// reserved notes bytes a later revision may have given a meaning.
void reserved(Reader& in, std::size_t n, SnpReport& report) {
  if (any(in.take(n))) report.unknown_fields = true;
}

void read_key_info(Reader& in, SnpReport& report) {
  std::uint32_t info = in.u32le();
  report.author_key_en = (info & 1) != 0;
  report.mask_chip_key = (info & 2) != 0;
  report.signing_key = static_cast<std::uint8_t>(info >> 2 & 7);
  if (info >> 5 != 0) report.unknown_fields = true;
  reserved(in, 4, report);
}

void read_cpuid(Reader& in, SnpReport& report) {
  if (report.version < kVersionWithCpuid) return reserved(in, 24, report);
  SnpReport::Cpuid cpuid;
  cpuid.family = in.u8();
  cpuid.model = in.u8();
  cpuid.stepping = in.u8();
  report.cpuid = cpuid;
  reserved(in, 21, report);
}

SnpVersion read_version(Reader& in, SnpReport& report) {
  SnpVersion version;
  version.build = in.u8();
  version.minor = in.u8();
  version.major = in.u8();
  reserved(in, 1, report);
  return version;
}

void read_tail(Reader& in, SnpReport& report) {
  if (report.version < kVersionWithMitigations) return reserved(in, 168, report);
  report.launch_mitigations = in.u64le();
  report.current_mitigations = in.u64le();
  reserved(in, 152, report);
}

// read_number turns a little-endian number into a big-endian one; what lies above 384 bits must be zero.
void read_number(Reader& in, std::array<std::uint8_t, kNumberUsed>& out) {
  auto little = in.array<kNumberUsed>();
  std::ranges::reverse_copy(little, out.begin());
  in.zeros(kNumber - kNumberUsed);
}

}  // namespace

const char* snp_product_name(SnpProduct product) {
  constexpr const char* names[] = {"unknown", "milan", "genoa", "turin"};
  return names[static_cast<int>(product)];
}

SnpProduct snp_product_from_cpuid(std::uint8_t family, std::uint8_t model) {
  if (family == 0x19) {
    if (model <= 0x0f) return SnpProduct::milan;
    if (model <= 0x1f || (model >= 0xa0 && model <= 0xaf)) return SnpProduct::genoa;
  }
  if (family == 0x1a && model <= 0x1f) return SnpProduct::turin;
  return SnpProduct::unknown;
}

SnpProduct snp_product_from_name(std::string_view name) {
  std::string lower;
  for (char c : name.substr(0, name.find('-')))
    lower += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  for (SnpProduct p : {SnpProduct::milan, SnpProduct::genoa, SnpProduct::turin})
    if (lower == snp_product_name(p)) return p;
  if (lower == "siena" || lower == "bergamo") return SnpProduct::genoa;
  return SnpProduct::unknown;
}

bool SnpTcb::at_least(const SnpTcb& other) const {
  return fmc >= other.fmc && bl >= other.bl && tee >= other.tee && snp >= other.snp && ucode >= other.ucode;
}

std::string tcb_text(const SnpTcb& tcb, SnpProduct product) {
  std::string fmc = product == SnpProduct::turin ? "fmc " + std::to_string(tcb.fmc) + ", " : "";
  return fmc + "bl " + std::to_string(tcb.bl) + ", tee " + std::to_string(tcb.tee) + ", snp " +
         std::to_string(tcb.snp) + ", ucode " + std::to_string(tcb.ucode);
}

SnpTcb decode_tcb(const SnpTcbBytes& b, SnpProduct product) {
  if (product == SnpProduct::turin) return {b[0], b[1], b[2], b[3], b[7]};
  return {0, b[0], b[1], b[6], b[7]};
}

bool reserved_in_tcb(const SnpTcbBytes& b, SnpProduct product) {
  return any(product == SnpProduct::turin ? View(b).subspan(4, 3) : View(b).subspan(2, 4));
}

std::string version_text(const SnpVersion& v) {
  return std::to_string(v.major) + "." + std::to_string(v.minor) + "." + std::to_string(v.build);
}

const char* signing_key_name(std::uint8_t key) {
  switch (static_cast<SnpSigningKey>(key)) {
    case SnpSigningKey::vcek: return "VCEK";
    case SnpSigningKey::vlek: return "VLEK";
    case SnpSigningKey::none: return "none";
  }
  return "reserved";
}

SnpProduct SnpReport::product() const {
  return cpuid ? snp_product_from_cpuid(cpuid->family, cpuid->model) : SnpProduct::unknown;
}

Result<SnpReport> parse_snp_report(View bytes) {
  if (bytes.size() != kSnpReportBytes)
    return Error{Errc::malformed, "snp report: " + std::to_string(bytes.size()) + " bytes, a report has " +
                                      std::to_string(kSnpReportBytes)};
  Reader in(bytes);
  SnpReport r;
  r.version = in.u32le();
  if (r.version < kFirstVersion || r.version > kLastVersion)
    return Error{Errc::unsupported, "snp report: version " + std::to_string(r.version) + ", versions 2 to 5 are known"};
  r.guest_svn = in.u32le();
  r.policy = in.u64le();
  r.family_id = in.array<16>();
  r.image_id = in.array<16>();
  r.vmpl = in.u32le();
  r.signature_algorithm = in.u32le();
  r.current_tcb = in.array<8>();
  r.platform_info = in.u64le();
  read_key_info(in, r);
  r.report_data = in.array<64>();
  r.measurement = in.array<48>();
  r.host_data = in.array<32>();
  r.id_key_digest = in.array<48>();
  r.author_key_digest = in.array<48>();
  r.report_id = in.array<32>();
  r.report_id_ma = in.array<32>();
  r.reported_tcb = in.array<8>();
  read_cpuid(in, r);
  r.chip_id = in.array<64>();
  r.committed_tcb = in.array<8>();
  r.current = read_version(in, r);
  r.committed = read_version(in, r);
  r.launch_tcb = in.array<8>();
  read_tail(in, r);
  read_number(in, r.r);
  read_number(in, r.s);
  in.zeros(512 - 2 * kNumber);
  CHECK_OK(in.done("snp report"));
  return r;
}

}  // namespace attest
