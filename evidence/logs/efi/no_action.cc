#include "evidence/logs/efi/no_action.h"

#include "evidence/core/hash.h"
#include "evidence/core/hex.h"
#include "evidence/logs/efi/guid.h"
#include "evidence/logs/efi/text.h"

namespace attest::efi {
namespace {

constexpr std::size_t kSignature = 16;

std::string algorithm_name(std::uint16_t id) {
  if (auto alg = hash_alg_from_id(id)) return hash_alg_name(*alg);
  return id == 0x0012 ? "sm3_256" : "0x" + to_hex(Bytes{static_cast<std::uint8_t>(id >> 8),
                                                        static_cast<std::uint8_t>(id)});
}

// A length byte and that much text, NUL included.
std::string short_text(Reader& in) { return from_bytes(in.take(in.u8())); }

bool spec_id(Reader in, JsonWriter& out) {
  std::uint32_t platform = in.u32le();
  std::uint8_t minor = in.u8(), major = in.u8(), errata = in.u8(), uintn = in.u8();
  std::vector<std::pair<std::uint16_t, std::uint16_t>> algorithms;
  std::uint32_t count = in.count32le(64);
  for (std::uint32_t i = 0; i < count; i++) {
    std::uint16_t id = in.u16le();
    algorithms.emplace_back(id, in.u16le());
  }
  View vendor = in.take(in.u8());
  if (!in.good()) return false;
  out.field("platform_class", platform);
  out.field("spec_version", std::to_string(major) + "." + std::to_string(minor) + "." + std::to_string(errata));
  out.field("uintn_size", uintn);
  out.key("algorithms").array();
  for (auto [id, size] : algorithms)
    out.object().field("algorithm", algorithm_name(id)).field("size", size).end_object();
  out.end_array().field("vendor_info", to_hex(vendor));
  return true;
}

// The form of TPM 1.2 firmware ("Spec ID Event02") and of BIOS ("Spec ID Event00"): no algorithms.
bool old_spec_id(Reader in, JsonWriter& out) {
  std::uint32_t platform = in.u32le();
  std::uint8_t minor = in.u8(), major = in.u8(), errata = in.u8(), uintn = in.u8();
  View vendor = in.take(in.u8());
  if (!in.good()) return false;
  out.field("platform_class", platform);
  out.field("spec_version", std::to_string(major) + "." + std::to_string(minor) + "." + std::to_string(errata));
  out.field("uintn_size", uintn).field("vendor_info", to_hex(vendor));
  return true;
}

bool startup_locality(Reader in, JsonWriter& out) {
  std::uint8_t locality = in.u8();
  if (in.good()) out.field("startup_locality", locality);
  return in.good();
}

bool sp800_155(Reader in, JsonWriter& out) {
  std::uint32_t vendor = in.u32le();
  std::string guid = guid_text(in.take(kGuidSize));
  if (!in.good()) return false;
  out.field("vendor_id", vendor).field("reference_manifest", guid);
  return true;
}

struct Platform {
  std::uint32_t vendor, firmware_vendor;
  std::string guid, maker, model, version, firmware_maker, firmware_version;
};

bool read_platform(Reader& in, Platform& p) {
  p.vendor = in.u32le();
  p.guid = guid_text(in.take(kGuidSize));
  p.maker = short_text(in);
  p.model = short_text(in);
  p.version = short_text(in);
  p.firmware_maker = short_text(in);
  p.firmware_vendor = in.u32le();
  p.firmware_version = short_text(in);
  return in.good();
}

void write_platform(const Platform& p, JsonWriter& out) {
  out.field("vendor_id", p.vendor).field("reference_manifest", p.guid);
  out.field("platform_manufacturer", p.maker).field("platform_model", p.model).field("platform_version", p.version);
  out.field("firmware_manufacturer", p.firmware_maker).field("firmware_manufacturer_id", p.firmware_vendor);
  out.field("firmware_version", p.firmware_version);
}

bool sp800_155_2(Reader in, JsonWriter& out) {
  Platform p{};
  if (!read_platform(in, p)) return false;
  write_platform(p, out);
  return true;
}

void write_locator(std::string_view name, std::uint32_t type, View locator, JsonWriter& out) {
  constexpr std::string_view kTypes[] = {"raw", "uri", "device path", "variable"};
  out.key(name).object();
  out.field("type", type < 4 ? kTypes[type] : std::string_view("unknown"));
  if (type == 1 || is_text(locator)) {
    out.field("text", from_bytes(locator));
  } else {
    out.field("hex", to_hex(locator));
  }
  out.end_object();
}

bool sp800_155_3(Reader in, JsonWriter& out) {
  Platform p{};
  read_platform(in, p);
  std::uint32_t rim_type = in.u32le();
  View rim = in.take32le(65536);
  std::uint32_t certificate_type = in.u32le();
  View certificate = in.take32le(65536);
  if (!in.good()) return false;
  write_platform(p, out);
  write_locator("reference_locator", rim_type, rim, out);
  write_locator("platform_certificate_locator", certificate_type, certificate, out);
  return true;
}

bool hcrtm(Reader in, JsonWriter& out) {
  out.field("hex", to_hex(in.rest()));
  return true;
}

bool nv_index(Reader in, JsonWriter& out) {
  std::uint16_t version = in.u16le();
  in.take(6);
  if (!in.good()) return false;
  out.field("version", version).field("hex", to_hex(in.rest()));
  return true;
}

struct Row {
  std::string_view signature;  // padded with zeros to 16 bytes
  std::string_view name;
  bool (*describe)(Reader, JsonWriter&);
};
constexpr Row kRecords[] = {
    {"Spec ID Event03", "SpecID", spec_id},
    {"Spec ID Event02", "SpecID", old_spec_id},
    {"Spec ID Event00", "SpecID", old_spec_id},
    {"StartupLocality", "StartupLocality", startup_locality},
    {"SP800-155 Event", "SP800-155", sp800_155},
    {"SP800-155 Event2", "SP800-155 2", sp800_155_2},
    {"SP800-155 Event3", "SP800-155 3", sp800_155_3},
    {"HCRTM", "HCRTM", hcrtm},
    {"NvIndexInstance", "NvIndexInstance", nv_index},
    {"NvIndexDynamic", "NvIndexDynamic", nv_index},
};

}  // namespace

bool describe_no_action(View event, JsonWriter& out) {
  if (event.size() < kSignature) return false;
  std::string_view head = as_text(event.first(kSignature));
  for (const Row& row : kRecords) {
    std::string padded(row.signature);
    padded.resize(kSignature, '\0');
    if (head != padded) continue;
    JsonWriter probe;  // written only if it is whole
    probe.object();
    if (!row.describe(Reader(event.subspan(kSignature)), probe)) return false;
    out.field("record", row.name);
    row.describe(Reader(event.subspan(kSignature)), out);
    return true;
  }
  return false;
}

}  // namespace attest::efi
