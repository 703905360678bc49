// no_action.h: EV_NO_ACTION records, which extend nothing and tell what they are in their first 16 bytes.
#pragma once
#include <optional>

#include "evidence/json/writer.h"
#include "evidence/core/bytes.h"

namespace attest::efi {

// describe_no_action writes the members of a record's description: Spec ID, StartupLocality, SP800-155 (1 to
// 3), HCRTM, NV index records, Windows' trust point. False, with nothing written, if it is none of these or
// cut short.
bool describe_no_action(View event, JsonWriter& out);

}  // namespace attest::efi
