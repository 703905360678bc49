#include "evidence/snp/firmware_image.h"

namespace attest {
namespace {

using Guid = std::array<std::uint8_t, 16>;
constexpr std::size_t kTail = 32;        // behind the table: the reset vector
constexpr std::size_t kEntryHead = 18;   // u16 length and GUID, at the end of an entry
constexpr std::size_t kMaxSections = 64, kMaxEntries = 64;

// 96b582de-1fb2-45f7-baea-a366c55a082d, dc886566-984a-4798-a75e-5585a7bf67cc, 00f771de-1a7e-4fcb-890e-68c77e2fb44e,
// 7255371f-3a3b-4b04-927b-1da6efa8d454, as they lie in memory
constexpr Guid kTable = {0xde, 0x82, 0xb5, 0x96, 0xb2, 0x1f, 0xf7, 0x45, 0xba, 0xea, 0xa3, 0x66, 0xc5, 0x5a, 0x08, 0x2d};
constexpr Guid kMetadata = {0x66, 0x65, 0x88, 0xdc, 0x4a, 0x98, 0x98, 0x47, 0xa7, 0x5e, 0x55, 0x85, 0xa7, 0xbf, 0x67, 0xcc};
constexpr Guid kResetBlock = {0xde, 0x71, 0xf7, 0x00, 0x7e, 0x1a, 0xcb, 0x4f, 0x89, 0x0e, 0x68, 0xc7, 0x7e, 0x2f, 0xb4, 0x4e};
constexpr Guid kHashTable = {0x1f, 0x37, 0x55, 0x72, 0x3b, 0x3a, 0x04, 0x4b, 0x92, 0x7b, 0x1d, 0xa6, 0xef, 0xa8, 0xd4, 0x54};

Error bad(std::string_view what) { return {Errc::malformed, "firmware image: " + std::string(what)}; }

struct Entry {
  Guid guid;
  View data;
  std::size_t size = 0;  // with its head
};

// last_entry reads the entry that ends where `bytes` ends.
Result<Entry> last_entry(View bytes) {
  if (bytes.size() < kEntryHead) return bad("its table is truncated");
  Reader in(bytes.last(kEntryHead));
  Entry entry;
  entry.size = in.u16le();
  entry.guid = in.array<16>();
  if (entry.size < kEntryHead || entry.size > bytes.size()) return bad("an entry of its table has an impossible length");
  entry.data = bytes.last(entry.size).first(entry.size - kEntryHead);
  return entry;
}

Result<std::uint32_t> number(const Entry& entry) {
  Reader in(entry.data);
  std::uint32_t value = in.u32le();
  if (!in.good()) return bad("an entry of its table is too short");
  return value;
}

// read_metadata: "ASEV", length, version, count, and that many sections.
Status read_metadata(View image, std::uint32_t from_end, SnpFirmware& out) {
  if (from_end > image.size()) return bad("its SEV metadata lie outside");
  Reader in(image.last(from_end));
  bool magic = in.u32le() == 0x56455341;
  in.u32le();
  std::uint32_t version = in.u32le();
  std::uint32_t count = in.count32le(kMaxSections);
  if (!in.good() || !magic) return bad("its SEV metadata are malformed");
  if (version != 1) return Error{Errc::unsupported, "firmware image: SEV metadata of version " + std::to_string(version)};
  for (; count > 0; count--) {
    SnpFirmware::Section section;
    section.gpa = in.u32le();
    section.size = in.u32le();
    section.type = static_cast<SnpSection>(in.u32le());
    out.sections.push_back(section);
  }
  return in.good() ? ok() : Status(bad("its SEV metadata are truncated"));
}

Status read_entry(View image, const Entry& entry, SnpFirmware& out) {
  if (entry.guid == kMetadata && out.sections.empty()) {
    TRY(std::uint32_t offset, number(entry));
    return read_metadata(image, offset, out);
  }
  if (entry.guid == kResetBlock) {
    TRY(out.reset_eip, number(entry));
  }
  if (entry.guid == kHashTable) {
    TRY(out.hash_table, number(entry));
  }
  return ok();
}

}  // namespace

Result<SnpFirmware> parse_snp_firmware(View image) {
  if (image.size() < kTail) return bad("too short");
  TRY(Entry table, last_entry(image.first(image.size() - kTail)));
  if (table.guid != kTable) return Error{Errc::unsupported, "firmware image: no table of GUIDs at its end; it is no OVMF for SEV"};
  SnpFirmware out;
  View left = table.data;
  for (std::size_t i = 0; !left.empty(); i++) {
    if (i == kMaxEntries) return bad("its table has too many entries");
    TRY(Entry entry, last_entry(left));
    CHECK_OK(read_entry(image, entry, out));
    left = left.first(left.size() - entry.size);
  }
  if (out.sections.empty()) return Error{Errc::unsupported, "firmware image: no SEV metadata; it cannot be launched under SEV-SNP"};
  return out;
}

}  // namespace attest
