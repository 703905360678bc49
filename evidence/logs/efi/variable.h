// variable.h: UEFI variables as they are measured, and the signature databases and boot options in them.
#pragma once
#include <optional>
#include <string>

#include "evidence/logs/efi/device_path.h"

namespace attest::efi {

// UefiVariable is a UEFI_VARIABLE_DATA; it lends from the event's data.
struct UefiVariable {
  std::string guid;  // as text
  std::string name;  // UTF-8
  View data;
  View surplus;  // bytes behind the data: some firmware and shim versions log a byte too many
};
// parse_uefi_variable: malformed where name or data are longer than what is there.
Result<UefiVariable> parse_uefi_variable(View event);

// SignatureEntry is one certificate or hash of a signature database.
struct SignatureEntry {
  std::string owner;  // GUID text; empty where shim logged a bare certificate
  View data;
};
struct SignatureList {
  std::string type;  // GUID text
  std::vector<SignatureEntry> entries;
};
inline constexpr std::size_t kMaxSignatures = 65536;
// parse_signature_lists reads the content of PK, KEK, db, dbx and the like, or of MokListRT.
Result<std::vector<SignatureList>> parse_signature_lists(View data);

// parse_authority reads what EV_EFI_VARIABLE_AUTHORITY measures: one EFI_SIGNATURE_DATA (owner and entry), or
// where shim forgot the owner the bare certificate.
SignatureEntry parse_authority(View data);
// certificate_der is the data if it has the outer form of one DER certificate, without the zero byte that some
// versions of shim add; empty otherwise. Cheap: the certificate is not parsed.
View certificate_der(View data);
inline bool is_certificate(View data) { return !certificate_der(data).empty(); }

// LoadOption is an EFI_LOAD_OPTION (Boot0000).
struct LoadOption {
  std::uint32_t attributes = 0;
  std::string description;
  DevicePath path;
  View optional_data;
  bool active() const { return (attributes & 1) != 0; }
};
Result<LoadOption> parse_load_option(View data);

}  // namespace attest::efi
