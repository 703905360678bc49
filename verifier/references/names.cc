#include "evidence/core/printable.h"
#include "evidence/logs/ima_list.h"
#include "evidence/logs/tcg_event_text.h"
#include "verifier/references/nearest.h"

namespace attest {

std::string measured_text(const EventSegment& event, LogKind kind) {
  constexpr std::size_t kMaxName = 200;
  if (kind == LogKind::ima) return printable(ima_hint(event.template_name, event.data).name, kMaxName);
  return printable(tcg_event_text(event.type, event.data), kMaxName);
}

std::string measured_type(const EventSegment& event, LogKind kind) {
  return kind == LogKind::ima ? "IMA" : tcg_event_type_name(event.type);
}

std::string_view pcr_words(std::uint32_t pcr) {
  constexpr std::string_view kWords[] = {"firmware",
                                         "firmware settings",
                                         "device firmware",
                                         "device firmware settings",
                                         "EFI boot loader",
                                         "partition table and boot settings",
                                         "platform events",
                                         "Secure Boot policy",
                                         "boot loader commands",
                                         "files the boot loader read",
                                         "files measured by the kernel",
                                         "unified kernel image",
                                         "kernel command line",
                                         "system extensions",
                                         "machine owner keys",
                                         "machine identity"};
  return pcr < std::size(kWords) ? kWords[pcr] : std::string_view();
}

}  // namespace attest
