// tcb.h: the signed JSON of Intel's provisioning service: TCB info and enclave identities, as served.
#pragma once
#include <array>
#include <optional>
#include <string>
#include <vector>

#include "evidence/core/bytes.h"
#include "evidence/core/time.h"

namespace attest {

// TcbStatus in Intel's words; the last three are conclusions, no level carries them.
enum class TcbStatus : std::uint8_t {
  up_to_date,
  sw_hardening_needed,
  configuration_needed,
  configuration_and_sw_hardening_needed,
  out_of_date,
  out_of_date_configuration_needed,
  revoked,
  td_relaunch_advised,
  td_relaunch_advised_configuration_needed,
  no_matching_level,
};
// tcb_status_name is "UpToDate" and so on; parse_tcb_status reads those that a level may carry.
std::string_view tcb_status_name(TcbStatus status);
std::optional<TcbStatus> parse_tcb_status(std::string_view name);
// any_tcb_status also reads the conclusions, for policies.
std::optional<TcbStatus> any_tcb_status(std::string_view name);

// TcbLevel is one level of a TCB info. date is 0 where the version has none.
struct TcbLevel {
  std::array<std::uint8_t, 16> sgx{};
  std::uint16_t pce_svn = 0;
  std::optional<std::array<std::uint8_t, 16>> tdx;
  UnixTime date = 0;
  TcbStatus status = TcbStatus::revoked;
  std::vector<std::string> advisories;
};

// IsvLevel is one level of an enclave or TDX module identity.
struct IsvLevel {
  std::uint16_t isv_svn = 0;
  UnixTime date = 0;
  TcbStatus status = TcbStatus::revoked;
  std::vector<std::string> advisories;
};

struct TdxModule {
  std::array<std::uint8_t, 48> mr_signer{};
  std::array<std::uint8_t, 8> attributes{}, attributes_mask{};
};
struct TdxModuleIdentity {
  std::string id;  // "TDX_01"
  TdxModule module;
  std::vector<IsvLevel> levels;
};

// TcbInfo of version 1 and 2 is of SGX and has no id; version 3 says "SGX" or "TDX". Levels in the order
// served.
struct TcbInfo {
  std::string id;
  std::uint32_t version = 0;
  UnixTime issue_date = 0, next_update = 0;
  std::array<std::uint8_t, 6> fmspc{};
  std::optional<std::array<std::uint8_t, 2>> pce_id;  // always there from version 3 on
  std::uint32_t tcb_type = 0;
  std::uint32_t evaluation_number = 0;  // 0 in version 1
  std::optional<TdxModule> tdx_module;
  std::vector<TdxModuleIdentity> module_identities;
  std::vector<TcbLevel> levels;
};

// EnclaveIdentity of version 1 has one ISV SVN, read as a single level that is up to date.
struct EnclaveIdentity {
  std::string id;  // "QE", "TD_QE", "QVE"; empty in version 1
  std::uint32_t version = 0;
  UnixTime issue_date = 0, next_update = 0;
  std::uint32_t evaluation_number = 0;
  std::uint32_t misc_select = 0, misc_select_mask = 0;
  std::array<std::uint8_t, 16> attributes{}, attributes_mask{};
  std::array<std::uint8_t, 32> mr_signer{};
  std::uint16_t isv_prod_id = 0;
  std::vector<IsvLevel> levels;
};

// SignedJson is one document of the service: the value, the exact bytes that were signed (the JSON value as
// it stood in the body) and the signature, r || s.
template <class T>
struct SignedJson {
  T value;
  Bytes signed_bytes;
  std::array<std::uint8_t, 64> signature{};
};

inline constexpr std::size_t kMaxTcbJson = 1 << 20;
inline constexpr std::size_t kMaxTcbLevels = 256;

// parse_tcb_info reads {"tcbInfo": {...}, "signature": "hex"}, versions 1 to 3; parse_enclave_identity the
// same with "enclaveIdentity" (version 2) or "qeIdentity" (version 1). Strict in types, ranges and names,
// every member of the version must be there, members this code does not know are passed over. malformed
// otherwise.
Result<SignedJson<TcbInfo>> parse_tcb_info(std::string_view json);
Result<SignedJson<EnclaveIdentity>> parse_enclave_identity(std::string_view json);
// The same from the bare value and a signature in hex, as some bundles keep them apart.
Result<SignedJson<TcbInfo>> tcb_info_from(std::string_view value, std::string_view signature_hex);
Result<SignedJson<EnclaveIdentity>> enclave_identity_from(std::string_view value,
                                                          std::string_view signature_hex);

}  // namespace attest
