// boot_chain.h: what ran and was read on the way to the operating system, in the order of the log.
#pragma once
#include <array>

#include "verifier/logs/secure_boot.h"

namespace attest {

// BootStep is an image the firmware loaded, or a file or command line a boot loader measured.
struct BootStep {
  enum class Kind : std::uint8_t { driver, application, file, command_line };
  Kind kind = Kind::application;
  std::size_t event = 0;
  std::uint32_t pcr = 0;
  std::string name;  // file, or what the boot loader says it read; a hint
  View digest;       // in the bank asked for: the Authenticode hash of images, the hash of files
  const SecureBoot::Authority* authority = nullptr;  // measured right before this image
};

struct BootChain {
  std::vector<BootStep> steps;
  struct Separator {
    bool present = false, error = false, proven = false;
  };
  std::array<Separator, 8> separators;  // of PCR 0 to 7
  bool exit_invoked = false, exit_succeeded = false, exit_failed = false;
  std::vector<std::size_t> after_exit;  // extends of the firmware's registers behind the successful exit
};

// find_boot_chain: digests of the bank `alg` (TPM_ALG_ID). secure_boot must be of the same log and outlive it. firmware_registers:
// how many are the firmware's, from 0: PCR 0 to 7, or up to RTMR 1.
BootChain find_boot_chain(const TcgEventLog& log, const EventFindings& findings, const SecureBoot& secure_boot,
                          std::uint16_t alg, std::uint32_t firmware_registers = 8);

}  // namespace attest
