#include "evidence/core/hex.h"
#include "evidence/core/hash.h"
#include "evidence/logs/efi/describe.h"
#include "evidence/logs/efi/guid.h"
#include "evidence/logs/efi/text.h"
#include "evidence/logs/efi/variable.h"
#include "evidence/x509/certificate.h"

namespace attest::efi {
namespace {

constexpr std::uint32_t kAuthority = 0x800000e0;
constexpr std::size_t kMaxHex = 4096;

void write_certificate(View data, JsonWriter& out) {
  View der = certificate_der(data);
  out.field("sha256", to_hex(sha256(der.empty() ? data : der).view()));
  auto certificate = parse_certificate(der.empty() ? data : der);
  if (certificate) out.field("subject", subject_text(certificate->get()));
}

void write_entry(std::string_view type, const SignatureEntry& entry, JsonWriter& out) {
  out.object();
  if (!entry.owner.empty()) out.field("owner", entry.owner);
  if (auto owner = guid_name(entry.owner); !owner.empty()) out.field("owner_name", owner);
  if (type == kCertX509 || is_certificate(entry.data)) {
    write_certificate(entry.data, out);
  } else {
    out.field("hash", to_hex(entry.data.first(std::min(entry.data.size(), kMaxHex))));
  }
  out.end_object();
}

bool lists(View data, JsonWriter& out) {
  auto parsed = parse_signature_lists(data);
  if (!parsed) return false;
  out.key("lists").array();
  for (const SignatureList& list : *parsed) {
    out.object().field("type", list.type).field("type_name", guid_name(list.type)).key("entries").array();
    for (const SignatureEntry& entry : list.entries) write_entry(list.type, entry, out);
    out.end_array().end_object();
  }
  out.end_array();
  return true;
}

bool flag(View data, JsonWriter& out) {
  if (data.size() != 1) return false;
  out.field("enabled", data[0] == 1).field("value", data[0]);
  return true;
}

bool boot_order(View data, JsonWriter& out) {
  if (data.size() % 2 != 0) return false;
  Reader in(data);
  out.key("order").array();
  while (in.more()) {
    std::uint16_t number = in.u16le();
    out.text("Boot" + to_hex(Bytes{static_cast<std::uint8_t>(number >> 8), static_cast<std::uint8_t>(number)}));
  }
  out.end_array();
  return true;
}

bool load_option(View data, JsonWriter& out) {
  auto parsed = parse_load_option(data);
  if (!parsed) return false;
  out.field("description", parsed->description).field("active", parsed->active());
  out.field("attributes", parsed->attributes).field("device_path", parsed->path.text);
  if (!parsed->optional_data.empty()) out.field("optional_data", to_hex(parsed->optional_data.first(std::min(parsed->optional_data.size(), kMaxHex))));
  return true;
}

bool plain_text(View data, JsonWriter& out) {
  if (!is_text(data) && !looks_like_utf16(data)) return false;
  out.field("text", from_any(data));
  return true;
}

struct Row {
  std::string_view name;
  bool (*describe)(View, JsonWriter&);
};
constexpr Row kNames[] = {{"SecureBoot", flag},      {"SetupMode", flag},        {"AuditMode", flag},
                          {"DeployedMode", flag},    {"MokSBState", flag},       {"MokListTrusted", flag},
                          {"PK", lists},             {"KEK", lists},             {"db", lists},
                          {"dbx", lists},            {"dbt", lists},             {"dbr", lists},
                          {"dbDefault", lists},      {"dbxDefault", lists},      {"MokListRT", lists},
                          {"MokListXRT", lists},     {"MokList", lists},         {"MokListX", lists},
                          {"vendor_db", lists},      {"vendor_dbx", lists},      {"devdb", lists},
                          {"BootOrder", boot_order}, {"SbatLevel", plain_text},  {"SbatLevelRT", plain_text}};

bool is_load_option(std::string_view name) {
  auto digit = [](char c) { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F') || (c >= 'a' && c <= 'f'); };
  return (name.starts_with("Boot") || name.starts_with("Driver") || name.starts_with("SysPrep")) &&
         name.size() > 4 && std::ranges::all_of(name.substr(name.size() - 4), digit);
}

bool describe_content(std::string_view name, View data, JsonWriter& out) {
  for (const Row& row : kNames)
    if (row.name == name) return row.describe(data, out);
  return is_load_option(name) && load_option(data, out);
}

// What authorised an image: an entry of a database, or a whole list (shim's vendor_db), or text (SbatLevel).
bool describe_authority(std::string_view name, View data, JsonWriter& out) {
  if (name == "SbatLevel" || name == "MokSBState" || name == "MokListTrusted") return describe_content(name, data, out);
  SignatureEntry entry = parse_authority(data);
  if (!is_certificate(entry.data) && entry.data.size() != 32 && lists(data, out)) return true;
  if (!is_certificate(entry.data) && entry.data.size() != 32) return plain_text(data, out);
  out.key("authority");
  write_entry({}, entry, out);
  return true;
}

}  // namespace

bool describe_variable(std::uint32_t type, View data, JsonWriter& out) {
  auto parsed = parse_uefi_variable(data);
  if (!parsed) return false;
  out.key("variable").object();
  out.field("guid", parsed->guid);
  if (auto name = guid_name(parsed->guid); !name.empty()) out.field("guid_name", name);
  out.field("name", parsed->name).field("size", parsed->data.size());
  bool known = type == kAuthority ? describe_authority(parsed->name, parsed->data, out)
                                  : describe_content(parsed->name, parsed->data, out);
  View head = parsed->data.first(std::min(parsed->data.size(), kMaxHex));
  if (!known && !head.empty()) out.field("hex", to_hex(head));
  if (!parsed->surplus.empty()) out.field("surplus_hex", to_hex(parsed->surplus.first(std::min<std::size_t>(parsed->surplus.size(), 64))));
  out.end_object();
  return true;
}

}  // namespace attest::efi
