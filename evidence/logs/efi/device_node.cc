#include <cstdio>

#include "evidence/core/hex.h"
#include "evidence/logs/efi/device_path.h"
#include "evidence/logs/efi/guid.h"
#include "evidence/logs/efi/text.h"

namespace attest::efi {
namespace {

std::string hex(std::uint64_t value) {
  char text[24];
  std::snprintf(text, sizeof text, "0x%llx", static_cast<unsigned long long>(value));
  return text;
}

std::string call(std::string_view name, std::initializer_list<std::string> arguments) {
  std::string out(name);
  out += '(';
  bool first = true;
  for (const std::string& argument : arguments) {
    if (!first) out += ',';
    first = false;
    out += argument;
  }
  return out + ')';
}

// EISA identifiers: three letters of five bits and a 16-bit number.
std::string eisa(std::uint32_t id) {
  char text[16];
  auto letter = [&](unsigned shift) { return static_cast<char>('@' + (id >> shift & 31)); };
  std::snprintf(text, sizeof text, "%c%c%c%04X", letter(10), letter(5), letter(0), id >> 16);
  return text;
}

std::string vendor(std::string_view name, Reader in) {
  std::string guid = guid_text(in.take(kGuidSize));
  View data = in.rest();
  return data.empty() ? call(name, {guid}) : call(name, {guid, to_hex(data)});
}

std::string pci(Reader in) {
  std::uint8_t function = in.u8();
  std::uint8_t device = in.u8();
  return call("Pci", {hex(device), hex(function)});
}
std::string memory_mapped(Reader in) {
  std::uint32_t type = in.u32le();
  std::uint64_t start = in.u64le(), end = in.u64le();
  return call("MemoryMapped", {hex(type), hex(start), hex(end)});
}
std::string hardware_vendor(Reader in) { return vendor("VenHw", in); }
std::string controller(Reader in) { return call("Ctrl", {hex(in.u32le())}); }

std::string acpi(Reader in) {
  std::uint32_t hid = in.u32le(), uid = in.u32le();
  if (hid == 0x0a0341d0) return call("PciRoot", {hex(uid)});
  if (hid == 0x0a0841d0) return call("PcieRoot", {hex(uid)});
  return call("Acpi", {eisa(hid), hex(uid)});
}
std::string expanded_acpi(Reader in) {
  std::uint32_t hid = in.u32le(), uid = in.u32le(), cid = in.u32le();
  return call("AcpiEx", {eisa(hid), eisa(cid), hex(uid)});
}

std::string atapi(Reader in) {
  std::uint8_t secondary = in.u8(), slave = in.u8();
  return call("Ata", {secondary != 0 ? "Secondary" : "Primary", slave != 0 ? "Slave" : "Master",
                      hex(in.u16le())});
}
std::string scsi(Reader in) {
  std::uint16_t target = in.u16le(), lun = in.u16le();
  return call("Scsi", {hex(target), hex(lun)});
}
std::string usb(Reader in) {
  std::uint8_t port = in.u8(), interface = in.u8();
  return call("USB", {hex(port), hex(interface)});
}
std::string usb_class(Reader in) {
  std::uint16_t vendor_id = in.u16le(), product = in.u16le();
  std::uint8_t a = in.u8(), b = in.u8(), c = in.u8();
  return call("UsbClass", {hex(vendor_id), hex(product), hex(a), hex(b), hex(c)});
}
std::string messaging_vendor(Reader in) { return vendor("VenMsg", in); }
std::string mac(Reader in) {
  std::string address = to_hex(in.take(32)).substr(0, 12);
  return call("MAC", {address, hex(in.u8())});
}
std::string ipv4(Reader in) {
  auto dotted = [](View a) {
    std::string text;
    for (std::uint8_t byte : a) text += (text.empty() ? "" : ".") + std::to_string(byte);
    return text;
  };
  std::string local = dotted(in.take(4)), remote = dotted(in.take(4));
  return call("IPv4", {remote, local});
}
std::string ipv6(Reader in) {
  std::string local = to_hex(in.take(16)), remote = to_hex(in.take(16));
  return call("IPv6", {remote, local});
}
std::string uart(Reader in) {
  in.take(4);
  std::uint64_t baud = in.u64le();
  return call("Uart", {std::to_string(baud), std::to_string(in.u8())});
}
std::string sata(Reader in) {
  std::uint16_t port = in.u16le(), multiplier = in.u16le(), lun = in.u16le();
  return call("Sata", {hex(port), hex(multiplier), hex(lun)});
}
std::string nvme(Reader in) {
  std::uint32_t name_space = in.u32le();
  return call("NVMe", {hex(name_space), to_hex(in.take(8))});
}
std::string uri(Reader in) { return call("Uri", {from_bytes(in.rest())}); }
std::string vlan(Reader in) { return call("Vlan", {std::to_string(in.u16le())}); }
std::string sd(Reader in) { return call("SD", {hex(in.u8())}); }
std::string ufs(Reader in) {
  std::uint8_t target = in.u8(), lun = in.u8();
  return call("UFS", {hex(target), hex(lun)});
}
std::string emmc(Reader in) { return call("eMMC", {hex(in.u8())}); }
std::string wifi(Reader in) { return call("Wi-Fi", {from_bytes(in.take(32))}); }

std::string hard_drive(Reader in) {
  std::uint32_t partition = in.u32le();
  std::uint64_t start = in.u64le(), size = in.u64le();
  View signature = in.take(16);
  in.u8();  // MBRType
  std::uint8_t kind = in.u8();
  if (!in.good()) return {};
  std::string number = std::to_string(partition);
  if (kind == 2) return call("HD", {number, "GPT", guid_text(signature), hex(start), hex(size)});
  if (kind == 1) return call("HD", {number, "MBR", hex(Reader(signature).u32le()), hex(start), hex(size)});
  return call("HD", {number, std::to_string(kind), to_hex(signature), hex(start), hex(size)});
}
std::string cdrom(Reader in) {
  std::uint32_t entry = in.u32le();
  std::uint64_t start = in.u64le(), size = in.u64le();
  return call("CDROM", {hex(entry), hex(start), hex(size)});
}
std::string media_vendor(Reader in) { return vendor("VenMedia", in); }
std::string file(Reader in) { return from_utf16(in.rest()); }
std::string media_protocol(Reader in) { return call("Media", {guid_text(in.take(16))}); }
std::string firmware_file(Reader in) { return call("FvFile", {guid_text(in.take(16))}); }
std::string firmware_volume(Reader in) { return call("Fv", {guid_text(in.take(16))}); }
std::string offset_range(Reader in) {
  in.u32le();
  std::uint64_t start = in.u64le(), end = in.u64le();
  return call("Offset", {hex(start), hex(end)});
}
std::string ram_disk(Reader in) {
  std::uint64_t start = in.u64le(), end = in.u64le();
  return call("RamDisk", {hex(start), hex(end), guid_text(in.take(16))});
}
std::string bios_boot(Reader in) {
  std::uint16_t type = in.u16le();
  in.u16le();  // StatusFlag
  return call("BBS", {hex(type), from_bytes(in.rest())});
}

struct Row {
  std::uint8_t type, sub_type;
  std::size_t least;  // bytes of the body
  std::string (*text)(Reader);
};
constexpr Row kNodes[] = {
    {1, 1, 2, pci},          {1, 3, 20, memory_mapped}, {1, 4, 16, hardware_vendor}, {1, 5, 4, controller},
    {2, 1, 8, acpi},         {2, 2, 12, expanded_acpi}, {3, 1, 4, atapi},            {3, 2, 4, scsi},
    {3, 5, 2, usb},          {3, 10, 16, messaging_vendor}, {3, 11, 33, mac},        {3, 12, 8, ipv4},
    {3, 13, 32, ipv6},       {3, 14, 13, uart},         {3, 15, 7, usb_class},       {3, 18, 6, sata},
    {3, 20, 2, vlan},        {3, 23, 12, nvme},         {3, 24, 0, uri},             {3, 25, 2, ufs},
    {3, 26, 1, sd},          {3, 28, 32, wifi},         {3, 29, 1, emmc},            {4, 1, 38, hard_drive},
    {4, 2, 20, cdrom},       {4, 3, 16, media_vendor},  {4, 4, 0, file},             {4, 5, 16, media_protocol},
    {4, 6, 16, firmware_file}, {4, 7, 16, firmware_volume}, {4, 8, 20, offset_range}, {4, 9, 32, ram_disk},
    {5, 1, 4, bios_boot},
};

}  // namespace

std::string device_node_text(std::uint8_t type, std::uint8_t sub_type, View body) {
  for (const Row& row : kNodes)
    if (row.type == type && row.sub_type == sub_type && body.size() >= row.least) return row.text(Reader(body));
  return call("Path", {std::to_string(type), std::to_string(sub_type), to_hex(body)});
}

}  // namespace attest::efi
