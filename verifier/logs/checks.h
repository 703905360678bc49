// checks.h: what is checked in a measurement log that is judged by itself.
#pragma once
#include <string_view>

#include "verifier/finding.h"

namespace attest {

namespace check::log {
inline constexpr std::string_view kForm = "eventlog.form";
inline constexpr std::string_view kPcrs = "eventlog.pcrs";
inline constexpr std::string_view kData = "eventlog.data";
inline constexpr std::string_view kSeparators = "eventlog.separators";
inline constexpr std::string_view kSecureBoot = "eventlog.secure-boot";
inline constexpr std::string_view kAuthority = "eventlog.authority";
inline constexpr std::string_view kDebug = "eventlog.debug-mode";
inline constexpr std::string_view kDma = "eventlog.dma-protection";
inline constexpr std::string_view kExitBootServices = "eventlog.exit-boot-services";
inline constexpr std::string_view kAfterExit = "eventlog.after-exit-boot-services";
inline constexpr std::string_view kBootLoader = "eventlog.boot-loader";
inline constexpr std::string_view kImages = "eventlog.images";
inline constexpr std::string_view kDatabases = "eventlog.databases";
}  // namespace check::log

namespace check::ima {
inline constexpr std::string_view kForm = "ima.form";
inline constexpr std::string_view kTemplateHash = "ima.template-hash";
inline constexpr std::string_view kPcr = "ima.pcr";
inline constexpr std::string_view kPrefix = "ima.prefix";
inline constexpr std::string_view kBootAggregate = "ima.boot-aggregate";
inline constexpr std::string_view kViolations = "ima.violations";
inline constexpr std::string_view kSignatures = "ima.signatures";
inline constexpr std::string_view kFiles = "ima.files";
}  // namespace check::ima

namespace check::cel {
inline constexpr std::string_view kForm = "cel.form";
inline constexpr std::string_view kNumbers = "cel.record-numbers";
inline constexpr std::string_view kContent = "cel.content";
inline constexpr std::string_view kPcrs = "cel.pcrs";
}  // namespace check::cel

}  // namespace attest
