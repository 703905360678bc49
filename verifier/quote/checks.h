// checks.h: the names of the checks on statements of a TPM (attestctl appraise quote).
#pragma once
#include "verifier/x509/path.h"

namespace attest::quote_check {

inline constexpr std::string_view kForm = "quote.form";            // TPMS_ATTEST, nothing behind it
inline constexpr std::string_view kMagic = "quote.magic";          // made inside a TPM
inline constexpr std::string_view kKey = "quote.ak";               // restricted, fixed, signs nothing foreign
inline constexpr std::string_view kKeyName = "quote.ak-name";      // the name given is the key's
inline constexpr std::string_view kKeyChain = "quote.ak-chain";    // certificate chain of the key
inline constexpr std::string_view kSha1 = "quote.sha1";            // no SHA-1 unless the policy says so
inline constexpr std::string_view kSignature = "quote.signature";  // over the whole statement, by this key
inline constexpr std::string_view kSigner = "quote.signer";        // qualified name is this key in its place
inline constexpr std::string_view kNonce = "quote.nonce";          // qualifying data is the nonce
inline constexpr std::string_view kPcrs = "quote.pcr-digest";      // digest is over the values given
inline constexpr std::string_view kObject =
    "quote.object-name";  // certified or created object is the one given
inline constexpr std::string_view kCreation = "quote.creation";  // creation data is what was signed
inline constexpr std::string_view kClock = "quote.clock";  // clock, reset and restart since an earlier one

// The chain of the key's certificate is one check here, whatever of it fails.
inline constexpr PathChecks kKeyPath{kKeyChain, kKeyChain, kKeyChain, kKeyChain, kKeyChain};

}  // namespace attest::quote_check
