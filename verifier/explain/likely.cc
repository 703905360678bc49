#include "verifier/checks.h"
#include "verifier/explain/explain.h"

namespace attest {
namespace {

constexpr std::uint32_t kAnyPcr = 0xffffffff;

// Clue: the first row that fits the first mismatch is what we say. Empty fields fit everything.
struct Clue {
  std::string_view check;
  std::uint32_t pcr;
  std::string_view type;  // part of the event type's name
  std::string_view name;  // part of what was measured or expected
  std::string_view text;
};

constexpr Clue kClues[] = {
    {check::kPcrMissing, 7, "", "", "Secure Boot was switched off, or a stage that checks signatures was skipped"},
    {check::kPcrMissing, 4, "", "", "another boot entry was chosen, or a boot stage was skipped"},
    {check::kPcrMissing, kAnyPcr, "", "", "a boot stage was skipped, or the references come from another machine"},
    {check::kPcrOrder, kAnyPcr, "", "", "a boot stage ran twice, or the firmware measured its devices in another order"},
    {check::kPcrUnexpected, 0, "", "", "the firmware was updated without new references"},
    {check::kPcrUnexpected, 1, "", "", "a firmware setting or the hardware was changed"},
    {check::kPcrUnexpected, 2, "", "", "a device was added or its firmware updated"},
    {check::kPcrUnexpected, 3, "", "", "settings of a device were changed"},
    {check::kPcrUnexpected, 4, "", "vmlinuz", "the kernel was updated without new references"},
    {check::kPcrUnexpected, 4, "APPLICATION", "", "the boot loader was updated without new references"},
    {check::kPcrUnexpected, 4, "ACTION", "", "a boot attempt failed, or another boot entry was chosen"},
    {check::kPcrUnexpected, 4, "", "", "the boot loader was updated without new references"},
    {check::kPcrUnexpected, 5, "GPT", "", "the partition table was changed"},
    {check::kPcrUnexpected, 5, "", "", "boot settings were changed"},
    {check::kPcrUnexpected, 7, "", "dbx", "the list of revoked boot loaders (dbx) was updated"},
    {check::kPcrUnexpected, 7, "", "SecureBoot", "Secure Boot was switched on or off"},
    {check::kPcrUnexpected, 7, "", "", "Secure Boot keys or settings were changed"},
    {check::kPcrUnexpected, 8, "", "kernel_cmdline", "the kernel command line was changed"},
    {check::kPcrUnexpected, 8, "", "", "the boot loader's configuration was changed"},
    {check::kPcrUnexpected, 9, "", "initrd", "the initrd was built anew without new references"},
    {check::kPcrUnexpected, 9, "", "", "the kernel, the initrd or a file of the boot loader was updated"},
    {check::kPcrUnexpected, 11, "", "", "the unified kernel image was updated without new references"},
    {check::kPcrUnexpected, 12, "", "", "the kernel command line was changed"},
    {check::kPcrUnexpected, 14, "", "", "a machine owner key was enrolled or removed"},
};

bool holds(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

bool fits(const Clue& clue, const Mismatch& m) {
  return clue.check == m.check && (clue.pcr == kAnyPcr || clue.pcr == m.reg) && holds(m.event_type, clue.type) &&
         (holds(m.measured_name, clue.name) || holds(m.expected_name, clue.name));
}

std::string likely_files(const Appraisal& appraisal) {
  std::uint64_t changed = 0, files = appraisal.mismatches_omitted;
  const Mismatch* first = nullptr;
  for (const Mismatch& m : appraisal.verdict.mismatches()) {
    if (m.check != check::kImaUnexpected) continue;
    if (first == nullptr) first = &m;
    files++;
    if (!m.expected_digest.empty()) changed++;
  }
  if (files == 1 && changed == 1) return first->measured_name + " was updated without new references";
  if (changed > 0) return "packages were updated without new references";
  if (files > 20) return "software was installed without new references";
  return "something was run or read that the references do not contain";
}

}  // namespace

std::string likely_cause(const Appraisal& appraisal) {
  if (appraisal.verdict.mismatches().empty()) return {};
  const Mismatch& first = appraisal.verdict.mismatches().front();
  if (first.check == check::kImaUnexpected) return likely_files(appraisal);
  for (const Clue& clue : kClues)
    if (fits(clue, first)) return std::string(clue.text);
  return {};
}

}  // namespace attest
