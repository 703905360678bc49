// device_path.h: where an image came from, as the firmware says (UEFI specification, clause 10).
#pragma once
#include <string>

#include "evidence/core/bytes.h"

namespace attest::efi {

// DevicePath is a path in the text form of the UEFI specification. Nodes we do not know are shown as
// Path(type,sub-type,hex); nothing is left out.
struct DevicePath {
  std::string text;  // "PciRoot(0x0)/Pci(0x1,0x0)/HD(1,GPT,…)/\EFI\BOOT\BOOTX64.EFI"
  std::string file;  // the file path nodes alone; empty without
};

// parse_device_path reads a path to its end node; a missing end node is tolerated where the bytes are used
// up, since firmware logs such. malformed for nodes shorter than their head or longer than what is left.
Result<DevicePath> parse_device_path(View bytes);

// node_text is one node's text (its body lends from the path).
std::string device_node_text(std::uint8_t type, std::uint8_t sub_type, View body);

}  // namespace attest::efi
