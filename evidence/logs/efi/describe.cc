#include "evidence/logs/efi/describe.h"

#include "evidence/core/hex.h"
#include "evidence/logs/efi/guid.h"
#include "evidence/logs/efi/image.h"
#include "evidence/logs/efi/no_action.h"
#include "evidence/logs/efi/spdm.h"
#include "evidence/logs/efi/tagged.h"
#include "evidence/logs/efi/text.h"

namespace attest::efi {
namespace {

constexpr std::size_t kMaxHex = 4096;

bool text(View data, JsonWriter& out) {
  if (looks_like_utf16(data)) {
    out.field("text", from_utf16(data));
    return true;
  }
  if (is_text(data)) out.field("text", from_bytes(data));
  return is_text(data);
}

bool separator(View data, JsonWriter& out) {
  if (data.size() != 4) return text(data, out);  // an error's text
  std::uint32_t value = Reader(data).u32le();
  out.field("value", value);
  out.field("meaning", value == 0 || value == 0xffffffff ? "end of the firmware's measurements"
                       : value == 1                      ? "the firmware reports an error"
                                                         : "unknown");
  return true;
}

// A boot loader's text often says in front what was measured: "grub_cmd: ", "kernel_cmdline: ".
bool boot_loader(View data, JsonWriter& out) {
  if (!looks_like_utf16(data) && !is_text(data)) return false;
  std::string whole = from_any(data);
  std::size_t colon = whole.find(": ");
  if (colon != whole.npos && colon < 24 && whole.find(' ') > colon) out.field("what", whole.substr(0, colon));
  out.field("text", whole).field("encoding", looks_like_utf16(data) ? "utf-16" : "utf-8");
  return true;
}

void write_blob(const FirmwareBlob& blob, JsonWriter& out) {
  if (!blob.description.empty()) out.field("description", blob.description);
  out.field("address", blob.address).field("size", blob.size);
}
bool blob(View data, JsonWriter& out) {
  auto parsed = parse_blob(data);
  if (parsed) write_blob(*parsed, out);
  return static_cast<bool>(parsed);
}
bool blob2(View data, JsonWriter& out) {
  auto parsed = parse_blob2(data);
  if (parsed) write_blob(*parsed, out);
  return parsed || blob(data, out);
}
bool post_code(View data, JsonWriter& out) { return blob(data, out) || text(data, out); }
bool post_code2(View data, JsonWriter& out) { return blob2(data, out) || text(data, out); }

bool crtm_version(View data, JsonWriter& out) {
  if (text(data, out)) return true;
  if (data.size() == kGuidSize) out.field("guid", guid_text(data));
  return data.size() == kGuidSize;
}

void write_tables(const HandoffTables& tables, JsonWriter& out) {
  if (!tables.description.empty()) out.field("description", tables.description);
  out.key("tables").array();
  for (const HandoffTable& table : tables.tables)
    out.object().field("guid", table.guid).field("name", guid_name(table.guid)).field("address", table.address).end_object();
  out.end_array();
}
bool tables(View data, JsonWriter& out) {
  auto parsed = parse_handoff_tables(data);
  if (parsed) write_tables(*parsed, out);
  return static_cast<bool>(parsed);
}
bool tables2(View data, JsonWriter& out) {
  auto parsed = parse_handoff_tables2(data);
  if (parsed) write_tables(*parsed, out);
  return parsed || tables(data, out);
}

bool image(View data, JsonWriter& out) {
  auto parsed = parse_image_load(data);
  if (!parsed) return false;
  out.field("address", parsed->address).field("size", parsed->size).field("link_address", parsed->link_address);
  out.field("device_path", parsed->path.text);
  if (!parsed->path.file.empty()) out.field("file", parsed->path.file);
  return true;
}

bool gpt(View data, JsonWriter& out) {
  auto parsed = parse_gpt(data);
  if (!parsed) return false;
  out.field("disk", parsed->disk).field("first_usable", parsed->first_usable).field("last_usable", parsed->last_usable);
  out.key("partitions").array();
  for (const GptPartition& p : parsed->partitions) {
    out.object().field("name", p.name).field("type", p.type);
    if (auto name = guid_name(p.type); !name.empty()) out.field("type_name", name);
    out.field("guid", p.guid).field("first", p.first).field("last", p.last).field("attributes", p.attributes);
    out.end_object();
  }
  out.end_array();
  return true;
}

bool spdm(View data, JsonWriter& out) { return describe_spdm(data, out); }
bool no_action(View data, JsonWriter& out) { return describe_no_action(data, out) || text(data, out); }
bool tagged(View data, JsonWriter& out) { return describe_tagged(data, out) || text(data, out); }

struct Row {
  std::uint32_t type;
  bool (*describe)(View, JsonWriter&);
};
constexpr Row kTypes[] = {{0x00000001, post_code},    {0x00000003, no_action}, {0x00000004, separator},
                          {0x00000006, tagged},       {0x00000008, crtm_version}, {0x0000000d, boot_loader},
                          {0x00000013, post_code2},   {0x80000003, image},     {0x80000004, image},
                          {0x80000005, image},        {0x80000006, gpt},       {0x80000008, blob},
                          {0x80000009, tables},       {0x8000000a, blob2},     {0x8000000b, tables2},
                          {0x8000000d, gpt},          {0x800000e1, spdm},      {0x800000e2, spdm}};

bool is_variable(std::uint32_t type) {
  constexpr std::uint32_t kVariables[] = {0x80000001, 0x80000002, 0x8000000c, 0x800000e0, 0x800000e3, 0x800000e4};
  return std::ranges::find(kVariables, type) != std::end(kVariables);
}

}  // namespace

void describe_event(std::uint32_t type, View data, JsonWriter& out) {
  if (data.empty()) return;
  if (is_variable(type) && describe_variable(type, data, out)) return;
  for (const Row& row : kTypes)
    if (row.type == type && row.describe(data, out)) return;
  if (text(data, out)) return;
  out.field("hex", to_hex(data.first(std::min(data.size(), kMaxHex)))).field("hex_bytes", data.size());
}

}  // namespace attest::efi
