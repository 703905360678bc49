#include "verifier/logs/boot_chain.h"

#include "evidence/logs/efi/image.h"
#include "evidence/logs/efi/text.h"

namespace attest {
namespace {

constexpr std::uint32_t kSeparator = 0x00000004;
constexpr std::uint32_t kIpl = 0x0000000d;
constexpr std::uint32_t kApplication = 0x80000003;
constexpr std::uint32_t kBootDriver = 0x80000004;
constexpr std::uint32_t kRuntimeDriver = 0x80000005;
constexpr std::uint32_t kEfiAction = 0x80000007;

View digest_of(const TcgEvent& event, std::uint16_t alg) {
  for (const TcgDigest& digest : event.digests)
    if (digest.alg == alg) return digest.value;
  return {};
}

void note_separator(const TcgEvent& event, Binding binding, BootChain& out) {
  if (event.pcr >= out.separators.size()) return;
  BootChain::Separator& separator = out.separators[event.pcr];
  separator.present = true;
  separator.proven = binding == Binding::bound;
  std::uint32_t value = event.data.size() == 4 ? Reader(event.data).u32le() : 1;
  separator.error = separator.error || (value != 0 && value != 0xffffffff);
}

void note_exit(View data, BootChain& out) {
  std::string text = efi::from_bytes(data);
  if (text == "Exit Boot Services Invocation") out.exit_invoked = true;
  if (text == "Exit Boot Services Returned with Success") out.exit_succeeded = true;
  if (text == "Exit Boot Services Returned with Failure") out.exit_failed = true;
}

std::string image_name(const TcgEvent& event) {
  auto image = efi::parse_image_load(event.data);
  if (!image) return {};
  return image->path.file.empty() ? image->path.text : image->path.file;
}

// GRUB measures commands to PCR 8 and files to PCR 9; systemd's stub its sections to PCR 11.
BootStep loader_step(const TcgEvent& event) {
  BootStep step;
  step.name = efi::from_any(event.data);
  bool command = step.name.starts_with("grub_cmd") || step.name.starts_with("kernel_cmdline") || event.pcr == 8 ||
                 event.pcr == 12;
  step.kind = command ? BootStep::Kind::command_line : BootStep::Kind::file;
  return step;
}

bool is_image(std::uint32_t type) {
  return type == kApplication || type == kBootDriver || type == kRuntimeDriver;
}

}  // namespace

BootChain find_boot_chain(const TcgEventLog& log, const EventFindings& findings, const SecureBoot& secure_boot,
                          std::uint16_t alg, std::uint32_t firmware_registers) {
  BootChain out;
  std::size_t next_authority = 0;
  const SecureBoot::Authority* fresh = nullptr;
  for (std::size_t i = 0; i < findings.bindings.size(); i++) {
    const TcgEvent& event = log.events[i];
    if (!event.extends()) continue;
    if (out.exit_succeeded && event.pcr < firmware_registers) out.after_exit.push_back(i);
    while (next_authority < secure_boot.authorities.size() && secure_boot.authorities[next_authority].event <= i)
      fresh = &secure_boot.authorities[next_authority++];
    if (event.type == kSeparator) note_separator(event, findings.bindings[i], out);
    if (event.type == kEfiAction && findings.bindings[i] == Binding::bound) note_exit(event.data, out);
    if (!is_image(event.type) && event.type != kIpl) continue;
    BootStep step = is_image(event.type) ? BootStep{} : loader_step(event);
    if (is_image(event.type)) {
      step.kind = event.type == kApplication ? BootStep::Kind::application : BootStep::Kind::driver;
      step.name = image_name(event);
      step.authority = std::exchange(fresh, nullptr);
    }
    step.event = i;
    step.pcr = event.pcr;
    step.digest = digest_of(event, alg);
    out.steps.push_back(std::move(step));
  }
  return out;
}

}  // namespace attest
