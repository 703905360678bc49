#include "evidence/logs/tcg_event_text.h"

#include "evidence/logs/efi/text.h"

namespace attest {
namespace {

constexpr std::size_t kMaxText = 120;

struct Row {
  std::uint32_t type;
  const char* name;
  std::string (*text)(View);
};

void put_char(std::string& out, std::uint32_t c) {
  if (out.size() < kMaxText) out += c >= 0x20 && c < 0x7f ? static_cast<char>(c) : '?';
}

// Text ends at the first NUL.
std::string ascii(View data) {
  std::string out;
  for (std::uint8_t c : data) {
    if (c == 0) break;
    put_char(out, c);
  }
  return out;
}

std::string utf16(View data) {
  std::string out;
  for (char c : efi::from_utf16(data))
    if ((c & 0xc0) != 0x80) put_char(out, static_cast<std::uint8_t>(c));  // one of each character
  return out;
}

// Boot loaders log text in UTF-8 or in UTF-16 and do not say which; half a character at the end is cut off.
std::string any_text(View data) {
  return efi::looks_like_utf16(data.first(data.size() & ~std::size_t{1})) ? utf16(data) : ascii(data);
}

std::string printable(View data) {
  for (std::uint8_t c : data)
    if (c != 0 && (c < 0x20 || c > 0x7e)) return {};
  return ascii(data);
}

// UEFI_VARIABLE_DATA: GUID, UnicodeNameLength, VariableDataLength, UnicodeName, VariableData.
std::string variable(View data) {
  Reader in(data);
  in.take(16);
  std::uint64_t chars = in.u64le();
  in.u64le();
  if (!in.good() || chars > in.left() / 2) return {};
  return utf16(in.take(static_cast<std::size_t>(chars) * 2));
}

// file_of_path finds the file name in an EFI_DEVICE_PATH: a media (4) node of sub-type file path (4).
std::string file_of_path(View path) {
  std::string out;
  Reader in(path);
  while (in.more()) {
    std::uint8_t type = in.u8();
    std::uint8_t sub_type = in.u8();
    std::uint16_t length = in.u16le();
    if (length < 4 || (type & 0x7f) == 0x7f) break;
    View body = in.take(length - 4U);
    if (in.good() && type == 4 && sub_type == 4) out += utf16(body);
  }
  return out.substr(0, kMaxText);
}

// UEFI_IMAGE_LOAD_EVENT: ImageLocationInMemory, ImageLengthInMemory, ImageLinkTimeAddress,
// LengthOfDevicePath.
std::string image(View data) {
  Reader in(data);
  in.take(24);
  std::uint64_t length = in.u64le();
  if (!in.good()) return {};
  return file_of_path(in.take(static_cast<std::size_t>(std::min<std::uint64_t>(length, in.left()))));
}

std::string separator(View data) {
  Reader in(data);
  std::uint32_t value = in.u32le();
  if (!in.good()) return {};
  return value == 0 || value == 0xffffffff ? "end of the firmware's measurements"
                                           : "firmware reports an error";
}

// UEFI_PLATFORM_FIRMWARE_BLOB2: a length byte and a description; the first version has two numbers alone.
std::string blob2(View data) {
  Reader in(data);
  return printable(in.take(in.u8()));
}

std::string gpt(View) { return "partition table"; }
std::string no_text(View) { return {}; }

constexpr Row kTypes[] = {{0x00000000, "EV_PREBOOT_CERT", no_text},
                          {0x00000001, "EV_POST_CODE", printable},
                          {0x00000002, "EV_UNUSED", no_text},
                          {0x00000003, "EV_NO_ACTION", printable},
                          {0x00000004, "EV_SEPARATOR", separator},
                          {0x00000005, "EV_ACTION", ascii},
                          {0x00000006, "EV_EVENT_TAG", no_text},
                          {0x00000007, "EV_S_CRTM_CONTENTS", printable},
                          {0x00000008, "EV_S_CRTM_VERSION", any_text},
                          {0x00000009, "EV_CPU_MICROCODE", any_text},
                          {0x0000000a, "EV_PLATFORM_CONFIG_FLAGS", printable},
                          {0x0000000b, "EV_TABLE_OF_DEVICES", printable},
                          {0x0000000c, "EV_COMPACT_HASH", printable},
                          {0x0000000d, "EV_IPL", any_text},
                          {0x0000000e, "EV_IPL_PARTITION_DATA", printable},
                          {0x0000000f, "EV_NONHOST_CODE", printable},
                          {0x00000010, "EV_NONHOST_CONFIG", printable},
                          {0x00000011, "EV_NONHOST_INFO", printable},
                          {0x00000012, "EV_OMIT_BOOT_DEVICE_EVENTS", printable},
                          {0x00000013, "EV_POST_CODE2", blob2},
                          {0x80000001, "EV_EFI_VARIABLE_DRIVER_CONFIG", variable},
                          {0x80000002, "EV_EFI_VARIABLE_BOOT", variable},
                          {0x80000003, "EV_EFI_BOOT_SERVICES_APPLICATION", image},
                          {0x80000004, "EV_EFI_BOOT_SERVICES_DRIVER", image},
                          {0x80000005, "EV_EFI_RUNTIME_SERVICES_DRIVER", image},
                          {0x80000006, "EV_EFI_GPT_EVENT", gpt},
                          {0x80000007, "EV_EFI_ACTION", ascii},
                          {0x80000008, "EV_EFI_PLATFORM_FIRMWARE_BLOB", no_text},
                          {0x80000009, "EV_EFI_HANDOFF_TABLES", no_text},
                          {0x8000000a, "EV_EFI_PLATFORM_FIRMWARE_BLOB2", blob2},
                          {0x8000000b, "EV_EFI_HANDOFF_TABLES2", blob2},
                          {0x8000000c, "EV_EFI_VARIABLE_BOOT2", variable},
                          {0x8000000d, "EV_EFI_GPT_EVENT2", gpt},
                          {0x80000010, "EV_EFI_HCRTM_EVENT", printable},
                          {0x800000e0, "EV_EFI_VARIABLE_AUTHORITY", variable},
                          {0x800000e1, "EV_EFI_SPDM_FIRMWARE_BLOB", no_text},
                          {0x800000e2, "EV_EFI_SPDM_FIRMWARE_CONFIG", no_text},
                          {0x800000e3, "EV_EFI_SPDM_DEVICE_POLICY", no_text},
                          {0x800000e4, "EV_EFI_SPDM_DEVICE_AUTHORITY", no_text}};

const Row* find(std::uint32_t type) {
  for (const Row& row : kTypes)
    if (row.type == type) return &row;
  return nullptr;
}

}  // namespace

std::string tcg_event_type_name(std::uint32_t type) {
  if (const Row* row = find(type)) return row->name;
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text = "EV_0x";
  for (int shift = 28; shift >= 0; shift -= 4) text += kDigits[type >> shift & 15];
  return text;
}

std::optional<std::uint32_t> tcg_event_type_of(std::string_view name) {
  for (const Row& row : kTypes)
    if (row.name == name) return row.type;
  return std::nullopt;
}

std::string tcg_event_text(std::uint32_t type, View data) {
  const Row* row = find(type);
  return row != nullptr ? row->text(data) : printable(data);
}

}  // namespace attest
