#include "evidence/platform/inventory.h"

#include "evidence/core/hex.h"
#include "evidence/core/printable.h"

namespace attest {
namespace {

constexpr std::string_view kSmbiosRegistry = "2.23.133.18.3.3";
constexpr std::size_t kMaxStructures = 4096;

// Structure is one SMBIOS structure: the formatted area and its strings.
struct Structure {
  std::uint8_t type = 0;
  View area;  // from the header on
  std::vector<std::string> strings;
  std::uint8_t byte(std::size_t at) const { return at < area.size() ? area[at] : std::uint8_t{0}; }
  std::string text(std::size_t at) const {
    std::size_t number = byte(at);
    return number == 0 || number > strings.size() ? std::string() : strings[number - 1];
  }
};

Structure read_structure(Reader& in) {
  Structure out;
  Reader header = in;
  out.type = header.u8();
  std::size_t length = header.u8();
  if (length < 4) in.fail();
  out.area = in.take(length);
  for (std::string text; in.good();) {  // strings end in a zero each, the set in another
    char c = static_cast<char>(in.u8());
    if (c != '\0') {
      text += c;
      continue;
    }
    if (text.empty() && !out.strings.empty()) break;
    if (text.empty()) {
      in.zeros(1);
      break;
    }
    out.strings.push_back(printable(text, 200));
    text.clear();
    if (out.strings.size() > 255) in.fail();
  }
  return out;
}

// Row says where a structure type keeps what a component is told by; 0 where it has no such field.
struct Row {
  std::uint8_t type, manufacturer, model, serial, revision, subtype;
};
constexpr Row kRows[] = {{0, 0x04, 0x05, 0, 0x08, 0},       {1, 0x04, 0x05, 0x07, 0x06, 0},
                         {2, 0x04, 0x05, 0x07, 0x06, 0x0d}, {3, 0x04, 0x05, 0x07, 0x06, 0x05},
                         {4, 0x07, 0x10, 0x20, 0, 0x05},    {17, 0x17, 0x1a, 0x18, 0, 0x12}};

Component component_of(const Structure& structure, const Row& row) {
  Component out;
  out.class_registry = kSmbiosRegistry;
  std::uint8_t subtype = row.subtype == 0 ? std::uint8_t{0} : structure.byte(row.subtype);
  if (row.type == 3) subtype &= 0x7f;  // bit 7 says that a lock is present
  const std::uint8_t value[] = {0, row.type, 0, subtype};
  out.class_value = to_hex(value);
  out.manufacturer = structure.text(row.manufacturer);
  out.model = structure.text(row.model);
  if (row.serial != 0) out.serial = structure.text(row.serial);
  if (row.revision != 0) out.revision = structure.text(row.revision);
  return out;
}

}  // namespace

Result<Inventory> parse_smbios(View table) {
  Inventory out;
  Reader in(table);
  for (std::size_t count = 0; in.more(); count++) {
    if (count > kMaxStructures) in.fail();
    Structure structure = read_structure(in);
    if (!in.good() || structure.type == 127) break;  // end of table
    for (const Row& row : kRows) {
      if (row.type != structure.type) continue;
      Component component = component_of(structure, row);
      if (!component.manufacturer.empty() || !component.model.empty()) out.components.push_back(component);
      if (row.type == 1)
        out = {component.manufacturer, component.model, component.revision, component.serial,
               std::move(out.components)};
    }
  }
  if (!in.good()) return Error{Errc::malformed, "smbios: a structure is out of bounds"};
  return out;
}

}  // namespace attest
