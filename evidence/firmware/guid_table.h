// guid_table.h: what an OVMF image says of itself to whoever launches it: a table of GUIDs that ends 32 bytes before its end.
#pragma once
#include <array>

#include "evidence/core/bytes.h"

namespace attest {

using FirmwareGuid = std::array<std::uint8_t, 16>;  // as it lies in memory

struct FirmwareEntry {
  FirmwareGuid guid{};
  View data;  // lent from the image
};

// firmware_guid_table reads every entry, the last one first. malformed for impossible lengths or more than 64 entries,
// unsupported for an image without the table.
Result<std::vector<FirmwareEntry>> firmware_guid_table(View image);

// firmware_number reads an entry whose data is a u32, malformed if it is shorter.
Result<std::uint32_t> firmware_number(const FirmwareEntry& entry);

}  // namespace attest
