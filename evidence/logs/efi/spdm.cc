#include "evidence/logs/efi/spdm.h"

#include "evidence/core/hex.h"
#include "evidence/logs/efi/device_path.h"

namespace attest::efi {
namespace {

constexpr std::string_view kFirst{"SPDM Device Sec\0", 16};
constexpr std::string_view kSecond{"SPDM Device Sec2", 16};
constexpr std::size_t kMaxContext = 1 << 20;

std::string_view device_type(std::uint32_t type) {
  constexpr std::string_view kTypes[] = {"null", "pci", "usb"};
  return type < 3 ? kTypes[type] : "unknown";
}
std::string_view authentication(std::uint8_t state) {
  constexpr std::string_view kStates[] = {"success", "no authentication", "no binding",
                                          "no capability for authentication or measurement"};
  return state < 4 ? kStates[state] : state == 0xff ? "failed, no SPDM" : "unknown";
}

// The device's context: version, length, and for PCI its identifiers.
void write_context(std::uint32_t type, View context, JsonWriter& out) {
  Reader in(context);
  in.take(4);
  if (type == 1 && context.size() >= 16) {
    std::uint16_t vendor = in.u16le(), device = in.u16le();
    std::uint8_t revision = in.u8();
    View device_class = in.take(3);
    std::uint16_t subsystem_vendor = in.u16le(), subsystem = in.u16le();
    out.field("pci_vendor", vendor).field("pci_device", device).field("pci_revision", revision);
    out.field("pci_class", to_hex(device_class));
    out.field("pci_subsystem_vendor", subsystem_vendor).field("pci_subsystem", subsystem);
  }
  out.field("context", to_hex(context));
}

View take_path(Reader& in) {
  std::uint64_t length = in.u64le();
  if (length > in.left()) in.fail();
  return in.take(in.good() ? static_cast<std::size_t>(length) : 0);
}

void write_path(View path, JsonWriter& out) {
  auto parsed = parse_device_path(path);
  if (parsed) {
    out.field("device_path", parsed->text);
  } else {
    out.field("device_path_hex", to_hex(path));
  }
}

bool first_version(Reader in, JsonWriter& out) {
  std::uint16_t version = in.u16le();
  in.u16le();  // Length
  std::uint32_t hash = in.u32le(), type = in.u32le();
  std::uint8_t index = in.u8(), specification = in.u8();
  std::uint16_t size = in.u16le();  // SPDM_MEASUREMENT_BLOCK
  View measurement = in.take(size);
  View path = take_path(in);
  if (!in.good()) return false;
  out.field("version", version).field("spdm_hash", hash).field("device_type", device_type(type));
  out.field("measurement_index", index).field("measurement_specification", specification);
  out.field("measurement", to_hex(measurement));
  write_path(path, out);
  write_context(type, in.rest(), out);
  return true;
}

bool second_version(Reader in, JsonWriter& out) {
  std::uint16_t version = in.u16le();
  std::uint8_t state = in.u8();
  in.u8();
  View rest = in.take32le(kMaxContext);
  if (!in.good()) return false;
  Reader body(rest);
  std::uint32_t type = body.u32le(), header_type = body.u32le(), header_size = body.u32le();
  std::uint64_t uid = body.u64le();
  View path = take_path(body);
  View header = body.take(header_size);
  if (!body.good()) return false;
  out.field("version", version).field("authentication", authentication(state));
  out.field("device_type", device_type(type));
  out.field("sub_header_type", header_type == 0 ? "measurement" : header_type == 1 ? "certificate chain" : "unknown");
  out.field("sub_header_uid", uid).field("sub_header", to_hex(header));
  write_path(path, out);
  write_context(type, body.rest(), out);
  return true;
}

}  // namespace

bool describe_spdm(View event, JsonWriter& out) {
  if (event.size() < kFirst.size()) return false;
  std::string_view head = as_text(event.first(kFirst.size()));
  auto describe = head == kFirst ? first_version : head == kSecond ? second_version : nullptr;
  JsonWriter probe;
  probe.object();
  Reader body(event.subspan(kFirst.size()));
  return describe != nullptr && describe(body, probe) && describe(body, out);
}

}  // namespace attest::efi
