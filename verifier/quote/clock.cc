#include "evidence/core/hex.h"
#include "verifier/quote/checks.h"
#include "verifier/quote/quote.h"

namespace attest {
namespace {

// since counts modulo 2^32: the secret offset may make a counter wrap.
std::int32_t since(std::uint32_t earlier, std::uint32_t later) {
  return static_cast<std::int32_t>(later - earlier);
}

std::string clock_text(const ClockInfo& clock) {
  return "reset " + std::to_string(clock.reset_count) + ", restart " + std::to_string(clock.restart_count) +
         ", clock " + std::to_string(clock.clock_ms) + " ms" + (clock.safe ? "" : " (not safe)");
}

}  // namespace

void judge_clock(const Attest& earlier, const Attest& later, Findings& out) {
  using quote_check::kClock;
  std::string before = clock_text(earlier.clock), now = clock_text(later.clock);
  if (earlier.qualified_signer != later.qualified_signer)
    return out.fail(kClock, "the earlier statement is of another key", to_hex(earlier.qualified_signer),
                    to_hex(later.qualified_signer));
  std::int32_t resets = since(earlier.clock.reset_count, later.clock.reset_count);
  std::int32_t restarts = since(earlier.clock.restart_count, later.clock.restart_count);
  if (resets < 0) return out.fail(kClock, "the TPM was reset less often than before", before, now);
  if (resets == 0 && restarts < 0)
    return out.fail(kClock, "the TPM was restarted less often than before", before, now);
  if (resets == 0 && later.clock.clock_ms < earlier.clock.clock_ms)
    return out.fail(kClock, "the clock went backwards within one boot", before, now);
  if (earlier.firmware_version != later.firmware_version)
    out.warn(kClock, "the TPM's firmware version changed since the earlier statement");
  if (!later.clock.safe)
    return out.warn(kClock, "the TPM was not shut down in order: its clock may have lost time", before, now);
  out.pass(kClock, std::to_string(resets) + " resets and " + std::to_string(resets == 0 ? restarts : 0) +
                       " restarts since the earlier statement");
}

}  // namespace attest
