// launch.h: the measurement an SEV-SNP guest will report, computed from what it is launched with (AMD 56860, clause 8.17
// SNP_LAUNCH_UPDATE; firmware metadata as OVMF describes it; register state as the virtual machine monitors set it up).
#pragma once
#include <optional>

#include "evidence/core/hash.h"

namespace attest {

// SnpVmm is whose idea of a fresh vCPU is measured.
enum class SnpVmm : std::uint8_t { qemu, ec2 };

// SnpDirectKernel is what QEMU hands to the firmware beside the disk; its hashes are measured.
struct SnpDirectKernel {
  View kernel, initrd;
  std::string_view command_line;
};

// SnpLaunch is a guest to be launched; views are lent for the length of the call.
struct SnpLaunch {
  View firmware;                     // OVMF image
  unsigned vcpus = 1;                // 1 to 4096
  std::uint32_t vcpu_signature = 0;  // CPUID signature of the vCPU model, see vcpu_signature()
  std::uint64_t guest_features = 1;  // SEV_FEATURES; 1: SNP alone
  SnpVmm vmm = SnpVmm::qemu;
  std::optional<SnpDirectKernel> kernel;
};

inline constexpr std::size_t kMaxSnpFirmware = 64 << 20;

// vcpu_signature maps a vCPU model of QEMU ("EPYC-v4", "EPYC-Milan"); nullopt for others.
std::optional<std::uint32_t> vcpu_signature(std::string_view model);

// snp_launch_measurement is the SHA-384 chain over every page. malformed for firmware whose size is no multiple of 4 KiB or whose
// tables point outside; unsupported for firmware without SEV metadata, or with a kernel where the metadata have no place for its
// hashes.
Result<Digest> snp_launch_measurement(const SnpLaunch& launch);

}  // namespace attest
