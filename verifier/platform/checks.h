// checks.h: the names of the checks on platform certificates (attestctl appraise platform): the steps of RFC
// 5755, clause 5, and of the TCG Platform Certificate Profile.
#pragma once
#include <string_view>

namespace attest::platform_check {

inline constexpr std::string_view kForm = "platform.form";  // one DER object, version, algorithms, serial
inline constexpr std::string_view kTime = "platform.time";  // valid at the time given
inline constexpr std::string_view kIssuer =
    "platform.issuer";  // one name; a certificate of that name and key id
inline constexpr std::string_view kIssuerPath =
    "platform.issuer-path";  // to a platform root, by one that may issue
inline constexpr std::string_view kSignature = "platform.signature";  // over the whole content
inline constexpr std::string_view kSha1 = "platform.sha1";            // no SHA-1 unless the policy says so
inline constexpr std::string_view kHolder = "platform.holder";        // this machine's EK certificate
inline constexpr std::string_view kDelta = "platform.delta";  // belongs to its base and can be applied
inline constexpr std::string_view kType = "platform.type";    // says what it is
inline constexpr std::string_view kExtensions =
    "platform.extensions";  // nothing critical that is not understood
inline constexpr std::string_view kIdentity =
    "platform.identity";  // the machine is the model and serial it names
inline constexpr std::string_view kComponents =
    "platform.components";                                          // the machine consists of what it lists
inline constexpr std::string_view kDemanded = "platform.demanded";  // what the policy demands was judged

}  // namespace attest::platform_check
