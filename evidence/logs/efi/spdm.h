// spdm.h: what firmware measures of devices that attest themselves (EV_EFI_SPDM_*).
#pragma once
#include "evidence/core/bytes.h"
#include "evidence/json/writer.h"

namespace attest::efi {

// describe_spdm writes the members of a DEVICE_SECURITY_EVENT_DATA (both versions); false, with nothing
// written, without the form. EV_EFI_SPDM_DEVICE_POLICY and _AUTHORITY are variables, not these.
bool describe_spdm(View event, JsonWriter& out);

}  // namespace attest::efi
