// Names and texts in events of boot loaders and kernels.
#include <algorithm>
#include <set>

#include "evidence/logs/efi/tagged.h"
#include "evidence/logs/efi/text.h"
#include "verifier/logs/predict_parts.h"

namespace attest {
namespace {

constexpr std::uint32_t kIpl = 0x0000000d, kTag = 0x00000006;
constexpr std::uint32_t kLoadOptions = 0x8f3b22ed;
constexpr std::uint32_t kStubCommandLinePcr = 12;

bool in_name(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '.' || c == '_' || c == '-' || c == '/'; }

Bytes utf16(std::string_view text) {
  Bytes out;
  for (char c : text) out.push_back(static_cast<std::uint8_t>(c)), out.push_back(0);
  return out;
}

// replace_units: `step` bytes are a character.
std::optional<Bytes> replace_units(View data, View old, View now, std::size_t step) {
  Bytes out;
  bool found = false;
  std::size_t at = 0;
  while (at < data.size()) {
    bool here = data.size() - at >= old.size() && equal(data.subspan(at, old.size()), old);
    std::size_t behind = at + old.size();
    if (here && behind < data.size() && in_name(static_cast<char>(data[behind]))) here = false;
    if (here) {
      out.insert(out.end(), now.begin(), now.end());
      at = behind;
      found = true;
    } else {
      std::size_t n = std::min(step, data.size() - at);
      out.insert(out.end(), data.begin() + static_cast<std::ptrdiff_t>(at), data.begin() + static_cast<std::ptrdiff_t>(at + n));
      at += n;
    }
  }
  return found ? std::optional(std::move(out)) : std::nullopt;
}

std::string without_first_word(std::string_view text) {
  std::size_t blank = text.find(' ');
  return blank == text.npos ? "" : std::string(text.substr(blank + 1));
}

// image_word is GRUB's "BOOT_IMAGE=... " in front of a command line.
std::string_view image_word(std::string_view line) {
  std::size_t blank = line.find(' ');
  if (!line.starts_with("BOOT_IMAGE=")) return "";
  return blank == line.npos ? line : line.substr(0, blank + 1);
}

// line_of: what an event says the kernel is told; "" for other events.
std::string line_of(const TcgEvent& event) {
  if (event.type != kIpl) return "";
  std::string text = efi::from_any(event.data);
  constexpr std::string_view kGrub = "kernel_cmdline: ";
  if (text.starts_with(kGrub)) return without_first_word(std::string_view(text).substr(kGrub.size()));
  return event.pcr == kStubCommandLinePcr ? text : "";
}

}  // namespace

std::string last_component(std::string_view path) {
  std::size_t slash = path.find_last_of("/\\");
  std::string out(slash == path.npos ? path : path.substr(slash + 1));
  std::ranges::transform(out, out.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

bool names_kernel(std::string_view path) {
  std::string name = last_component(path);
  for (std::string_view begin : {"vmlinu", "bzimage", "kernel", "linux"})
    if (name.starts_with(begin)) return true;
  return false;
}

bool names_initrd(std::string_view path) {
  std::string name = last_component(path);
  return name.find("initrd") != name.npos || name.find("initramfs") != name.npos;
}

Result<std::string> command_line_of(const TcgEventLog& log, const EventFindings& findings) {
  std::set<std::string> lines;
  for (std::size_t i = 0; i < log.events.size(); i++) {
    if (findings.bindings[i] != Binding::bound || !log.events[i].extends()) continue;
    std::string line = line_of(log.events[i]);
    if (!line.empty()) lines.insert(std::move(line));
  }
  if (lines.size() > 1)
    return Error{Errc::mismatch, "the log shows several command lines; say which one is replaced"};
  return lines.empty() ? "" : *lines.begin();
}

std::string without_image(const std::string& line) { return line.substr(image_word(line).size()); }

bool is_load_options(const TcgEvent& event) {
  if (event.type != kTag) return false;
  auto tag = efi::parse_tagged(event.data);
  return tag && tag->id == kLoadOptions;
}

std::vector<std::pair<Bytes, Bytes>> load_options_forms(const BootText& text) {
  std::string old = without_image(text.old), now = without_image(text.now);
  std::string before(image_word(text.old)), after(image_word(text.now));
  if (after.empty()) after = before;
  std::vector<std::pair<Bytes, Bytes>> out;
  for (const std::string& nul : {std::string(1, '\0'), std::string()})
    for (bool with_image : {true, false})
      out.emplace_back(utf16((with_image ? before : "") + old + nul), utf16((with_image ? after : "") + now + nul));
  return out;
}

std::optional<Bytes> replaced(View data, const BootText& text) {
  if (text.old.empty()) return std::nullopt;
  if (auto out = replace_units(data, as_view(text.old), as_view(text.now), 1)) return out;
  return replace_units(data, utf16(text.old), utf16(text.now), 2);
}

}  // namespace attest
