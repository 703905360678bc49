// guid.h: EFI GUIDs as people read them.
#pragma once
#include <string>

#include "evidence/core/bytes.h"

namespace attest::efi {

inline constexpr std::size_t kGuidSize = 16;

// guid_text: "8be4df61-93ca-11d2-aa0d-00e098032b8c"; empty if the view is not 16 bytes long.
std::string guid_text(View guid);
// guid_name of a GUID in text form, "EFI_GLOBAL_VARIABLE"; empty if it is none we know.
std::string_view guid_name(std::string_view text);

inline constexpr std::string_view kGlobalVariable = "8be4df61-93ca-11d2-aa0d-00e098032b8c";
inline constexpr std::string_view kImageSecurityDatabase = "d719b2cb-3d3a-4596-a3bc-dad00e67656f";
inline constexpr std::string_view kShimLock = "605dab50-e046-4300-abb6-3dd810dd8b23";
inline constexpr std::string_view kCertX509 = "a5c059a1-94e4-4aa7-87b5-ab155c2bf072";
inline constexpr std::string_view kCertSha256 = "c1c41626-504c-4092-aca9-41f936934328";

}  // namespace attest::efi
