// image.h: images, firmware volumes, tables and partitions as events name them.
#pragma once
#include "evidence/logs/efi/device_path.h"

namespace attest::efi {

// ImageLoad is a UEFI_IMAGE_LOAD_EVENT.
struct ImageLoad {
  std::uint64_t address = 0, size = 0, link_address = 0;
  DevicePath path;
};
// parse_image_load: malformed if the path is longer than what is there or has no form.
Result<ImageLoad> parse_image_load(View event);

// FirmwareBlob is UEFI_PLATFORM_FIRMWARE_BLOB or BLOB2 (the second with a description).
struct FirmwareBlob {
  std::string description;
  std::uint64_t address = 0, size = 0;
};
Result<FirmwareBlob> parse_blob(View event);
Result<FirmwareBlob> parse_blob2(View event);

struct HandoffTable {
  std::string guid;
  std::uint64_t address = 0;
};
struct HandoffTables {
  std::string description;
  std::vector<HandoffTable> tables;
};
Result<HandoffTables> parse_handoff_tables(View event);
Result<HandoffTables> parse_handoff_tables2(View event);

struct GptPartition {
  std::string type, guid, name;
  std::uint64_t first = 0, last = 0, attributes = 0;  // blocks
};
struct GptTable {
  std::string disk;
  std::uint32_t revision = 0;
  std::uint64_t first_usable = 0, last_usable = 0;
  std::vector<GptPartition> partitions;
};
inline constexpr std::size_t kMaxPartitions = 1024;
// parse_gpt reads UEFI_GPT_DATA: the header and the partitions that are in use.
Result<GptTable> parse_gpt(View event);

}  // namespace attest::efi
