#include "evidence/snp/firmware_image.h"

#include "evidence/firmware/guid_table.h"

namespace attest {
namespace {

constexpr std::size_t kMaxSections = 64;

// dc886566-984a-4798-a75e-5585a7bf67cc, 00f771de-1a7e-4fcb-890e-68c77e2fb44e, 7255371f-3a3b-4b04-927b-1da6efa8d454
constexpr FirmwareGuid kMetadata = {0x66, 0x65, 0x88, 0xdc, 0x4a, 0x98, 0x98, 0x47,
                                    0xa7, 0x5e, 0x55, 0x85, 0xa7, 0xbf, 0x67, 0xcc};
constexpr FirmwareGuid kResetBlock = {0xde, 0x71, 0xf7, 0x00, 0x7e, 0x1a, 0xcb, 0x4f,
                                      0x89, 0x0e, 0x68, 0xc7, 0x7e, 0x2f, 0xb4, 0x4e};
constexpr FirmwareGuid kHashTable = {0x1f, 0x37, 0x55, 0x72, 0x3b, 0x3a, 0x04, 0x4b,
                                     0x92, 0x7b, 0x1d, 0xa6, 0xef, 0xa8, 0xd4, 0x54};

Error bad(std::string_view what) { return {Errc::malformed, "firmware image: " + std::string(what)}; }

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

Status read_entry(View image, const FirmwareEntry& entry, SnpFirmware& out) {
  if (entry.guid == kMetadata && out.sections.empty()) {
    TRY(std::uint32_t offset, firmware_number(entry));
    return read_metadata(image, offset, out);
  }
  if (entry.guid == kResetBlock) {
    TRY(out.reset_eip, firmware_number(entry));
  }
  if (entry.guid == kHashTable) {
    TRY(out.hash_table, firmware_number(entry));
  }
  return ok();
}

}  // namespace

Result<SnpFirmware> parse_snp_firmware(View image) {
  TRY(std::vector<FirmwareEntry> table, firmware_guid_table(image));
  SnpFirmware out;
  for (const FirmwareEntry& entry : table) CHECK_OK(read_entry(image, entry, out));
  if (out.sections.empty()) return Error{Errc::unsupported, "firmware image: no SEV metadata; it cannot be launched under SEV-SNP"};
  return out;
}

}  // namespace attest
