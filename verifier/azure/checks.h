// checks.h: the names of the checks on evidence of Azure confidential VMs; what hardware and vTPM say is under snp.*, tdx.*
// and quote.*.
#pragma once
#include <string_view>

namespace attest::azure_check {

inline constexpr std::string_view kReport = "azure.report";              // form of the HCL report
inline constexpr std::string_view kBinding = "azure.claims-binding";     // hardware report data is the claims' hash
inline constexpr std::string_view kClaims = "azure.claims";              // readable, each member once
inline constexpr std::string_view kSameClaims = "azure.same-claims";     // those that came by themselves
inline constexpr std::string_view kHardware = "azure.hardware";          // genuine hardware vouches for the report data
inline constexpr std::string_view kAk = "azure.ak";                      // a signing key of the vTPM among the claims
inline constexpr std::string_view kAkGiven = "azure.ak-given";           // it is the key given
inline constexpr std::string_view kQuote = "azure.quote";                // a quote by it
inline constexpr std::string_view kUserData = "azure.user-data";
inline constexpr std::string_view kConfiguration = "azure.configuration";

}  // namespace attest::azure_check
