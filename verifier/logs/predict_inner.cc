// The kernel inside a unified image: the firmware may measure it as a program, and the kernel measures its command line and initrd.
#include "evidence/firmware/stub_initrd.h"
#include "evidence/logs/efi/tagged.h"
#include "evidence/logs/efi/text.h"
#include "verifier/logs/predict_unified.h"

namespace attest {
namespace {

constexpr std::uint32_t kIpl = 0x0000000d, kTag = 0x00000006;
constexpr std::uint32_t kInitrdTag = 0x8f3b22ec, kInitrdAddonTag = 0x49dffe0f, kMicrocodeAddonTag = 0xdac08e1a;
constexpr std::uint32_t kSectionsPcr = 11, kInnerPcr = 9;
constexpr unsigned kStartsItself = 258;  // stubs from here on start the kernel without the firmware, unless Secure Boot is on and shim is there
const char* const kNeedsOld = "the kernel inside measures its initrd and command line; give the image as it is now (--old-kernel)";

Error mismatch(const std::string& what) { return {Errc::mismatch, "predict: " + what}; }

void unsure(UnifiedChange& change, std::uint32_t reg, const std::string& why) { change.out.unsaid.try_emplace(reg, why); }

// find_kernel is the event of the kernel inside as a program; nullopt where the firmware measured none.
Result<std::optional<std::size_t>> find_kernel(const UnifiedChange& change) {
  const std::vector<std::size_t>& programs = change.booted.programs;
  if (programs.empty()) return std::optional<std::size_t>();
  if (change.old != nullptr) {
    auto old = authenticode_bytes(change.old->section(".linux")->content);
    auto found = std::ranges::find_if(programs, [&](std::size_t i) { return old && change.known.measures(change.known.log.events[i], {*old}); });
    return found == programs.end() ? std::optional<std::size_t>() : std::optional(*found);
  }
  if (programs.size() > 1) return mismatch("several programs were loaded behind the image; give the image as it is now (--old-kernel)");
  return std::optional(programs.front());
}

// Loading tells whether the next stub hands the kernel inside to the firmware as the last one did.
enum class Loading : std::uint8_t { as_before, no_more, unknown };

// A stub before 258 has the firmware load the kernel, which the firmware measures unless a hook keeps it from that; from 258 on the stub
// starts it by itself, unless Secure Boot is on and shim is there.
Loading next_loading(const UnifiedChange& change, bool measured) {
  bool itself = change.now.stub_major >= kStartsItself;
  std::optional<bool> did;
  if (change.old != nullptr) did = change.old->stub_major >= kStartsItself;
  if (did == itself) return Loading::as_before;
  if (!itself) return !did && measured ? Loading::as_before : Loading::unknown;
  if (!measured) return Loading::as_before;
  return change.known.judged.secure_boot.state == SecureBoot::State::off ? Loading::no_more : Loading::unknown;
}

// same_kernel: the kernel inside is the one that the log shows.
bool same_kernel(const UnifiedChange& change) {
  SectionMemory kernel(*change.now.section(".linux"));
  return change.known.measures(change.known.log.events[change.booted.sections.front().content], {kernel.content, kernel.zeros});
}

Status change_kernel(UnifiedChange& change) {
  TRY(std::optional<std::size_t> at, find_kernel(change));
  std::uint32_t reg = change.known.log.events[at.value_or(change.booted.image)].pcr;
  switch (next_loading(change, at.has_value())) {
    case Loading::as_before: break;
    case Loading::unknown:
      unsure(change, reg, "stubs of systemd " + std::to_string(kStartsItself) +
                              " and later start the kernel inside without the firmware, earlier ones with it, and whether the firmware then "
                              "measures it depends on Secure Boot, shim and the firmware");
      return ok();
    case Loading::no_more: {
      PredictedEvent gone;
      gone.event = *at;
      gone.change = PredictedEvent::Change::removed;
      change.out.at[*at] = std::move(gone);
      return ok();
    }
  }
  if (!at) {
    if (!change.booted.programs.empty() && !same_kernel(change))
      unsure(change, reg, "a program was started from memory behind the image, and it is not the kernel inside the image that was given as the old one");
    return ok();
  }
  View kernel = change.now.section(".linux")->content;
  if (!is_pe_image(kernel)) return mismatch("the log shows the kernel inside the image as a program; the new one is none");
  TRY(Bytes program, authenticode_bytes(kernel));
  change.out.at[*at] = change.known.hash_of(*at, {program});
  return ok();
}

std::string line_in(const UnifiedImage& image) {
  const PeSection* section = image.section(".cmdline");
  if (section == nullptr) return "";
  std::string out(as_text(efi::without_nuls(section->content)));
  while (!out.empty() && static_cast<unsigned char>(out.back()) <= ' ') out.pop_back();
  return out;
}

void change_options(UnifiedChange& change, std::size_t i) {
  BootText text{line_in(*change.old), line_in(change.now), true};
  const TcgEvent& event = change.known.log.events[i];
  for (auto& [old, now] : load_options_forms(text)) {
    if (!change.known.measures(event, {old})) continue;
    change.out.at[i] = change.known.hash_of(i, {now});
    return;
  }
  if (text.old != text.now) unsure(change, event.pcr, "the kernel inside measured another command line than its image has");
}

std::optional<std::uint32_t> tag_of(const TcgEvent& event) {
  if (event.type != kTag || !event.extends()) return std::nullopt;
  auto tag = efi::parse_tagged(event.data);
  return tag ? std::optional(tag->id) : std::nullopt;
}

// packed_beside names what the log shows of files beside the image that the stub packed with its initrd.
std::string packed_beside(const KnownLog& known) {
  std::string out;
  for (const TcgEvent& event : known.log.events) {
    std::optional<std::uint32_t> tag = tag_of(event);
    std::string text = event.type == kIpl && event.extends() ? efi::from_any(event.data) : "";
    if (tag == kInitrdAddonTag || tag == kMicrocodeAddonTag) text = "addons";
    if (text != "addons" && !text.ends_with(" initrd")) continue;
    out += (out.empty() ? "" : ", ") + text;
  }
  return out.empty() ? "files that the log does not show" : out;
}

void change_initrd(UnifiedChange& change, std::size_t i) {
  const TcgEvent& event = change.known.log.events[i];
  Bytes old = stub_initrd(*change.old), now = stub_initrd(change.now);
  if (old == now && change.old->stub_major == change.now.stub_major) return;  // whatever it was measured with stays
  if (change.known.measures(event, {old}))
    change.out.at[i] = change.known.hash_of(i, {now});
  else
    unsure(change, event.pcr, "the kernel inside measured its initrd together with what the stub packed behind it: " +
                                  packed_beside(change.known));
}

// Where the log shows nothing of the kernel inside, another one may well measure.
void check_silent(UnifiedChange& change) {
  if (same_kernel(change)) return;
  unsure(change, inner_register(change), "the kernel inside measured nothing; whether the new one does is not known");
}

void change_tags(UnifiedChange& change) {
  bool options = false, initrd = false;
  for (std::size_t i = change.booted.sections.back().content; i < change.known.log.events.size(); i++) {
    const TcgEvent& event = change.known.log.events[i];
    bool of_options = is_load_options(event), of_initrd = tag_of(event) == kInitrdTag;
    options = options || of_options;
    initrd = initrd || of_initrd;
    if (!of_options && !of_initrd) continue;
    if (change.old == nullptr)
      unsure(change, event.pcr, kNeedsOld);
    else if (of_options)
      change_options(change, i);
    else
      change_initrd(change, i);
  }
  if (!options && !initrd) return check_silent(change);
  if (!initrd && !stub_initrd(change.now).empty())
    unsure(change, inner_register(change), "the kernel inside got no initrd, or measured none; whether it will measure the new one is not known");
  if (initrd && stub_initrd(change.now).empty())
    unsure(change, inner_register(change), "the new image has no initrd; whether the kernel inside gets one from elsewhere is not known");
}

}  // namespace

std::uint32_t inner_register(const UnifiedChange& change) {
  return change.booted.reg == kSectionsPcr ? kInnerPcr : change.booted.reg;
}

Status change_inner(UnifiedChange& change) {
  CHECK_OK(change_kernel(change));
  change_tags(change);
  return ok();
}

}  // namespace attest
