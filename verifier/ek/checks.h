// checks.h: the names of the checks on certificates of TPMs (attestctl appraise ek).
#pragma once
#include <string_view>

#include "verifier/x509/path.h"

namespace attest::ek_check {

inline constexpr std::string_view kForm = "ek.form";              // readable; only padding behind it
inline constexpr std::string_view kSignature = "ek.signature";    // signed by the issuers it names
inline constexpr std::string_view kChain = "ek.chain";            // up to a vendor's root
inline constexpr std::string_view kTime = "ek.time";              // valid at the time given
inline constexpr std::string_view kIssuers = "ek.issuers";        // by CAs that may issue
inline constexpr std::string_view kAlgorithms = "ek.algorithms";  // that still hold
inline constexpr std::string_view kUsage = "ek.usage";            // made for the role it should play
inline constexpr std::string_view kAttributes =
    "ek.attributes";                                // names the TPM's manufacturer, model, version
inline constexpr std::string_view kKey = "ek.key";  // certifies the key that the TPM has

inline constexpr PathChecks kPath{kSignature, kChain, kTime, kIssuers, kAlgorithms};

}  // namespace attest::ek_check
