#include "evidence/firmware/unified_image.h"

#include <algorithm>
#include <charconv>

namespace attest {
namespace {

// The sections that are measured, in the order of measuring, each with the first version of the stub that does it.
struct Measured {
  std::string_view name;
  unsigned since;
};
constexpr Measured kMeasured[] = {
    {".linux", 252}, {".osrel", 252}, {".cmdline", 252}, {".initrd", 252}, {".ucode", 256},
    {".splash", 252}, {".dtb", 252}, {".uname", 254}, {".sbat", 254}, {".pcrpkey", 252},
};
constexpr std::string_view kChosenAtBoot[] = {".profile", ".dtbauto", ".hwids", ".efifw"};
constexpr unsigned kFirstMeasuring = 252;

Error bad(const std::string& what) { return {Errc::malformed, "unified kernel image: " + what}; }
Error unsupported(const std::string& what) { return {Errc::unsupported, "unified kernel image: " + what}; }

// find: the section of a name; malformed if there are two.
Result<const PeSection*> find(const PeImage& image, std::string_view name) {
  const PeSection* out = nullptr;
  for (const PeSection& section : image.sections) {
    if (section.name != name) continue;
    if (out != nullptr) return bad("two sections " + std::string(name));
    out = &section;
  }
  return out;
}

// The stub says who it is in a section of its own: "#### LoaderInfo: systemd-stub VERSION ####".
Status read_stub(const PeImage& image, UnifiedImage& out) {
  TRY(const PeSection* magic, find(image, ".sdmagic"));
  constexpr std::string_view kBegin = "#### LoaderInfo: systemd-stub ", kEnd = " ####";
  std::string_view text = magic == nullptr ? std::string_view() : as_text(magic->content);
  std::size_t end = text.find(kEnd, kBegin.size());
  if (!text.starts_with(kBegin) || end == text.npos) return unsupported("its stub does not say that it is systemd's");
  out.stub = text.substr(kBegin.size(), end - kBegin.size());
  auto [rest, error] = std::from_chars(out.stub.data(), out.stub.data() + out.stub.size(), out.stub_major);
  if (error != std::errc() || rest == out.stub.data()) return unsupported("the version of its stub is no number");
  if (out.stub_major < kFirstMeasuring) return unsupported("its stub is older than systemd 252 and measures no sections");
  return ok();
}

}  // namespace

bool is_unified_image(const PeImage& image) {
  return std::ranges::any_of(image.sections, [](const PeSection& section) { return section.name == ".linux"; });
}

const PeSection* UnifiedImage::section(std::string_view name) const {
  auto found = std::ranges::find(measured, name, &PeSection::name);
  return found == measured.end() ? nullptr : &*found;
}

Result<UnifiedImage> parse_unified_image(View file) {
  TRY(PeImage image, parse_pe_image(file));
  if (!is_unified_image(image)) return bad("it has no section .linux");
  UnifiedImage out;
  CHECK_OK(read_stub(image, out));
  for (const PeSection& section : image.sections)
    if (std::ranges::find(kChosenAtBoot, section.name) != std::end(kChosenAtBoot))
      return unsupported("what of " + section.name + " is used, and measured, is decided at boot");
  for (const Measured& row : kMeasured) {
    if (row.since > out.stub_major) continue;
    TRY(const PeSection* section, find(image, row.name));
    if (section == nullptr || (section->content.empty() && section->zeros == 0)) continue;
    if (section->zeros > kMaxSectionZeros) return bad("more zeros behind " + section->name + " than there is memory for");
    out.measured.push_back(*section);
  }
  if (out.measured.empty() || out.measured[0].name != ".linux") return bad("its section .linux is empty");
  return out;
}

}  // namespace attest
