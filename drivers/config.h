// config.h: what the drivers need to know; the daemon fills it from its configuration.
#pragma once
#include <filesystem>
#include <functional>

#include "evidence/native/context.h"

namespace attest {

// ContainerLogConfig says where measured containers are kept, and under which register (cmc.index) they are logged.
struct ContainerLogConfig {
  std::filesystem::path file;
  std::optional<std::int64_t> index{};  // unset: that of the first one
  bool operator==(const ContainerLogConfig&) const = default;
};

// TpmDriverConfig describes one TPM 2.0 and the logs of the machine it measures. Paths are absolute.
struct TpmDriverConfig {
  std::filesystem::path state_dir;          // AK authorisation, wrapped TLS keys in keys/
  std::string tcti = "device:/dev/tpmrm0";  // any TCTI string tss2-tctildr knows
  std::uint32_t ak_handle = 0x81010100;     // persistent handle, 0x81000000 to 0x81ffffff
  std::string ak_algorithm = "ec-p256";     // ec-p256, ec-p384, rsa-2048, rsa-3072
  // The key under ak_handle is the platform's (Azure: 0x81000003): taken as it is, with an empty authorisation value, never made,
  // never replaced.
  bool platform_ak = false;
  PcrSelection pcrs = {HashAlg::sha256, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 14}};
  std::filesystem::path event_log;  // binary_bios_measurements; empty: none
  std::filesystem::path ima_list;   // binary_runtime_measurements; empty: none
  std::filesystem::path ak_chain;   // PEM, AK certificate first; need not exist yet; empty: none
  std::optional<ContainerLogConfig> containers{};  // containers are measured into a register of the SHA-256 bank
};

// SwDriverConfig describes the software driver, which proves nothing about hardware.
struct SwDriverConfig {
  std::filesystem::path state_dir;  // keys in keys/
  std::filesystem::path key;        // EC P-256 private key, PEM, mode 0600; made when absent
};

// SnpDriverConfig describes an AMD SEV-SNP guest.
struct SnpDriverConfig {
  std::filesystem::path root = "/sys/kernel/config/tsm/report";  // configfs-tsm
  std::optional<unsigned> privlevel;   // VMPL to ask for; unset: the kernel's choice
  std::filesystem::path certificates;  // PEM or DER: VCEK or VLEK, ASK or ASVK; empty: what the host hands out
};

// TdxDriverConfig describes an Intel TDX guest.
struct TdxDriverConfig {
  std::filesystem::path root = "/sys/kernel/config/tsm/report";  // configfs-tsm
  std::filesystem::path event_log;  // CCEL area, e.g. /sys/firmware/acpi/tables/data/CCEL; empty: none
};

// SgxDriverConfig describes an SGX enclave under Gramine.
struct SgxDriverConfig {
  std::filesystem::path root = "/dev/attestation";
};

// TdQuoter has a TD quote made of a TDREPORT (1,024 bytes); what it answers may be padded, and is checked by its caller.
using TdQuoter = std::function<Result<Bytes>(View td_report)>;

// AzureDriverConfig describes an Azure confidential VM; its vTPM is beside it a TpmDriverConfig.
struct AzureDriverConfig {
  std::string tcti = "device:/dev/tpmrm0";
  std::uint32_t index = 0x01400001;    // NV index of the paravisor's report
  std::filesystem::path certificates;  // SEV-SNP: PEM or DER, the VCEK and what stands above it
  std::filesystem::path td_quote;      // TDX: a quote over the hash of the claims; empty: quote_td is asked
  std::string quote_service;           // TDX: URL of the metadata service that makes quotes; empty: none
  TdQuoter quote_td{};                 // asks that service; empty: quotes come from the file alone
};

}  // namespace attest
