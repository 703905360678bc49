// inventory.h: what a machine reports of itself: the SMBIOS table (DSP0134), in the words of platform
// certificates.
#pragma once
#include "evidence/platform/components.h"

namespace attest {

// Inventory is unauthenticated unless its table was measured: it is what a certificate is compared with, no
// evidence.
struct Inventory {
  std::string manufacturer, model, version, serial;
  std::vector<Component> components;
};

// parse_smbios reads a structure table as /sys/firmware/dmi/tables/DMI holds it: firmware (type 0), system
// (1), boards (2), chassis (3), processors (4), memory devices (17). Components carry the TCG registry of
// SMBIOS classes, 2.23.133.18.3.3. malformed for structures out of bounds; empty slots are passed over.
Result<Inventory> parse_smbios(View table);

}  // namespace attest
