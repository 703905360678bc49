// checks.h: the names of everything that can be wrong with SEV-SNP evidence.
#pragma once
#include <string_view>

namespace attest::snp_check {

// integrity: the report is what AMD's hardware said
inline constexpr std::string_view kReport = "snp.report";                    // form and version
inline constexpr std::string_view kCertificate = "snp.certificate";          // a VCEK's or VLEK's
inline constexpr std::string_view kChain = "snp.chain";                      // up to an ARK that is trusted, at this time
inline constexpr std::string_view kRevocation = "snp.revocation";            // no CRL where one is demanded
inline constexpr std::string_view kSignature = "snp.signature";
inline constexpr std::string_view kSigningKey = "snp.signing-key";           // the kind of key the report names
inline constexpr std::string_view kProduct = "snp.product";                  // processor against certificate
inline constexpr std::string_view kTcbCertificate = "snp.tcb-certificate";   // reported TCB is the certificate's
inline constexpr std::string_view kChip = "snp.chip-id";                     // chip is the certificate's
inline constexpr std::string_view kTcbOrder = "snp.tcb-order";               // no version beyond the running one
inline constexpr std::string_view kReserved = "snp.reserved";                // fields this version does not know
inline constexpr std::string_view kNonce = "snp.nonce";                      // report data
// policy: what the owner of the verifier demands
inline constexpr std::string_view kVersion = "snp.version";
inline constexpr std::string_view kKeyKind = "snp.key-kind";
inline constexpr std::string_view kChipAllowed = "snp.chip-allowed";
inline constexpr std::string_view kProvider = "snp.provider";
inline constexpr std::string_view kDebug = "snp.debug";
inline constexpr std::string_view kMigration = "snp.migration";
inline constexpr std::string_view kGuestPolicy = "snp.guest-policy";
inline constexpr std::string_view kAbi = "snp.abi";
inline constexpr std::string_view kPlatform = "snp.platform";
inline constexpr std::string_view kFirmware = "snp.firmware";
inline constexpr std::string_view kTcb = "snp.tcb";
inline constexpr std::string_view kMitigations = "snp.mitigations";
inline constexpr std::string_view kVmpl = "snp.vmpl";
inline constexpr std::string_view kMeasurement = "snp.measurement";
inline constexpr std::string_view kHostData = "snp.host-data";
inline constexpr std::string_view kIdKey = "snp.id-key";
inline constexpr std::string_view kAuthorKey = "snp.author-key";
inline constexpr std::string_view kFamily = "snp.family-id";
inline constexpr std::string_view kImage = "snp.image-id";
inline constexpr std::string_view kGuestSvn = "snp.guest-svn";

}  // namespace attest::snp_check
