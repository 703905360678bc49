#include "evidence/firmware/guid_table.h"

namespace attest {
namespace {

constexpr std::size_t kTail = 32;       // behind the table: the reset vector
constexpr std::size_t kEntryHead = 18;  // u16 length and GUID, at the end of an entry
constexpr std::size_t kMaxEntries = 64;

// 96b582de-1fb2-45f7-baea-a366c55a082d
constexpr FirmwareGuid kTable = {0xde, 0x82, 0xb5, 0x96, 0xb2, 0x1f, 0xf7, 0x45,
                                 0xba, 0xea, 0xa3, 0x66, 0xc5, 0x5a, 0x08, 0x2d};

Error bad(std::string_view what) { return {Errc::malformed, "firmware image: " + std::string(what)}; }

// last_entry takes the entry that ends where `bytes` ends away from it.
Result<FirmwareEntry> last_entry(View& bytes) {
  if (bytes.size() < kEntryHead) return bad("its table is truncated");
  Reader in(bytes.last(kEntryHead));
  std::size_t size = in.u16le();
  FirmwareEntry entry{in.array<16>(), {}};
  if (size < kEntryHead || size > bytes.size()) return bad("an entry of its table has an impossible length");
  entry.data = bytes.last(size).first(size - kEntryHead);
  bytes = bytes.first(bytes.size() - size);
  return entry;
}

}  // namespace

Result<std::vector<FirmwareEntry>> firmware_guid_table(View image) {
  if (image.size() < kTail) return bad("too short");
  View left = image.first(image.size() - kTail);
  TRY(FirmwareEntry table, last_entry(left));
  if (table.guid != kTable)
    return Error{Errc::unsupported, "firmware image: no table of GUIDs at its end; it is no OVMF for confidential guests"};
  std::vector<FirmwareEntry> out;
  left = table.data;
  while (!left.empty()) {
    if (out.size() == kMaxEntries) return bad("its table has too many entries");
    TRY(FirmwareEntry entry, last_entry(left));
    out.push_back(entry);
  }
  return out;
}

Result<std::uint32_t> firmware_number(const FirmwareEntry& entry) {
  Reader in(entry.data);
  std::uint32_t value = in.u32le();
  if (!in.good()) return bad("an entry of its table is too short");
  return value;
}

}  // namespace attest
