#include "evidence/firmware/unified_image.h"

#include <algorithm>
#include <charconv>

namespace attest {
namespace {

// The sections that a stub knows, in the order of measuring, each with the first version of the stub that knows it.
struct Known {
  std::string_view name;
  unsigned since;
};
constexpr std::string_view kSignature = ".pcrsig", kProfile = ".profile", kDeviceTree = ".dtbauto", kFirmware = ".efifw";
constexpr Known kKnown[] = {
    {".linux", 252}, {".osrel", 252}, {".cmdline", 252}, {".initrd", 252},  {".ucode", 256}, {".splash", 252},   {".dtb", 252},  {".uname", 254},
    {".sbat", 254},  {kSignature, 252}, {".pcrpkey", 252}, {kProfile, 257}, {kDeviceTree, 257}, {".hwids", 257}, {kFirmware, 258},
};
constexpr unsigned kProfilesSince = 257;

Error bad(const std::string& what) { return {Errc::malformed, "unified kernel image: " + what}; }
Error unsupported(const std::string& what) { return {Errc::unsupported, "unified kernel image: " + what}; }

// find: the section of a name; malformed if there are two.
Result<const PeSection*> find(const std::vector<const PeSection*>& sections, std::string_view name) {
  const PeSection* out = nullptr;
  for (const PeSection* section : sections) {
    if (section->name != name) continue;
    if (out != nullptr) return bad("two sections " + std::string(name));
    out = section;
  }
  return out;
}

// The stub says who it is in a section of its own: "#### LoaderInfo: systemd-stub VERSION ####".
Status read_stub(const PeImage& image, UnifiedImage& out) {
  std::vector<const PeSection*> all;
  for (const PeSection& section : image.sections) all.push_back(&section);
  TRY(const PeSection* magic, find(all, ".sdmagic"));
  constexpr std::string_view kBegin = "#### LoaderInfo: systemd-stub ", kEnd = " ####";
  std::string_view text = magic == nullptr ? std::string_view() : as_text(magic->content);
  std::size_t end = text.find(kEnd, kBegin.size());
  if (!text.starts_with(kBegin) || end == text.npos) return unsupported("its stub does not say that it is systemd's");
  out.stub = text.substr(kBegin.size(), end - kBegin.size());
  auto [rest, error] = std::from_chars(out.stub.data(), out.stub.data() + out.stub.size(), out.stub_major);
  if (error != std::errc() || rest == out.stub.data()) return unsupported("the version of its stub is no number");
  if (out.stub_major < kFirstMeasuringStub) return unsupported("its stub is older than systemd 252 and measures no sections");
  return ok();
}

// Parts of the section table: what stands ahead of the first .profile holds for every profile, unless the profile has its own.
struct Parts {
  std::vector<const PeSection*> base, profile;
};

Result<Parts> parts_of(const PeImage& image, unsigned profile, UnifiedImage& out) {
  Parts parts;
  for (const PeSection& section : image.sections) {
    if (out.stub_major >= kProfilesSince && section.name == kProfile) out.profiles++;
    if (out.profiles == 0) parts.base.push_back(&section);
    if (out.profiles == std::size_t{profile} + 1) parts.profile.push_back(&section);
  }
  if (profile != 0 && profile >= out.profiles)
    return Error{Errc::mismatch, "unified kernel image: it has no profile " + std::to_string(profile)};
  return parts;
}

Result<const PeSection*> used(const Parts& parts, std::string_view name) {
  TRY(const PeSection* common, find(parts.base, name));
  TRY(const PeSection* own, find(parts.profile, name));
  return own != nullptr ? own : common;
}

void pick_from(const Parts& parts, std::string_view name, std::vector<PeSection>& out) {
  for (const auto* list : {&parts.profile, &parts.base})
    for (const PeSection* section : *list)
      if (section->name == name) out.push_back(*section);
}

}  // namespace

bool is_unified_image(const PeImage& image) {
  return std::ranges::any_of(image.sections, [](const PeSection& section) { return section.name == ".linux"; });
}

const PeSection* UnifiedImage::section(std::string_view name) const {
  auto found = std::ranges::find(measured, name, &PeSection::name);
  return found == measured.end() ? nullptr : &*found;
}

bool picked_by_machine(std::string_view section) { return section == kDeviceTree || section == kFirmware; }

Result<UnifiedImage> parse_unified_image(View file, unsigned profile) {
  TRY(PeImage image, parse_pe_image(file));
  if (!is_unified_image(image)) return bad("it has no section .linux");
  UnifiedImage out;
  CHECK_OK(read_stub(image, out));
  TRY(Parts parts, parts_of(image, profile, out));
  for (const Known& row : kKnown) {
    if (row.since > out.stub_major) continue;
    if (picked_by_machine(row.name)) {
      pick_from(parts, row.name, row.name == kDeviceTree ? out.device_trees : out.firmware);
      continue;
    }
    TRY(const PeSection* section, used(parts, row.name));
    if (section == nullptr || (section->content.empty() && section->zeros == 0)) continue;
    if (section->zeros > kMaxSectionZeros) return bad("more zeros behind " + section->name + " than there is memory for");
    if (row.name == kSignature)
      out.signature = *section;
    else
      out.measured.push_back(*section);
  }
  if (out.measured.empty() || out.measured[0].name != ".linux") return bad("its section .linux is empty");
  return out;
}

}  // namespace attest
