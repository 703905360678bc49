// Unified kernel images: the image itself is measured as a program, then its stub measures each section's name and content; what follows
// is in predict_inner.cc.
#include <charconv>
#include <set>

#include "evidence/firmware/unified_image.h"
#include "evidence/logs/efi/tagged.h"
#include "evidence/logs/efi/text.h"
#include "verifier/logs/predict_unified.h"

namespace attest {
namespace {

constexpr std::uint32_t kIpl = 0x0000000d, kTag = 0x00000006;
constexpr std::uint32_t kProfileTag = 0x13aed6db;
constexpr std::uint32_t kSectionsPcr = 11, kConfigPcr = 12;
constexpr std::string_view kSections[] = {".linux", ".osrel", ".cmdline", ".initrd",  ".ucode",   ".splash", ".dtb",
                                          ".uname", ".sbat",  ".pcrpkey", ".profile", ".dtbauto", ".hwids",  ".efifw"};

Error mismatch(const std::string& what) { return {Errc::mismatch, "predict: " + what}; }

// Names are measured with the NUL behind them, whatever the log says.
View name_bytes(const std::string& name) { return {reinterpret_cast<const std::uint8_t*>(name.c_str()), name.size() + 1}; }

Status find_sections(KnownLog& known, BootedImage& out) {
  std::optional<std::uint32_t> reg;
  std::string open;  // a section whose name was measured and whose content comes next
  for (std::size_t i = 0; i < known.log.events.size(); i++) {
    const TcgEvent& event = known.log.events[i];
    if (!is_section(event)) continue;
    std::string name = efi::from_any(event.data);
    if (reg.value_or(event.pcr) != event.pcr) return mismatch("the log shows sections in several registers");
    reg = event.pcr;
    if (open.empty()) {
      if (!known.measures(event, {name_bytes(name)}))
        return mismatch("the log does not prove that record " + std::to_string(i) + " is of " + name);
      out.sections.push_back({name, i, 0});
      open = name;
    } else {
      if (open != name) return mismatch("the log shows the name of " + open + " without its content");
      out.sections.back().content = i;
      open.clear();
    }
  }
  out.reg = reg.value_or(0);
  if (out.sections.empty()) return mismatch("the log does not show the boot of a unified kernel image, so nothing would change");
  return open.empty() ? ok() : Status(mismatch("the log shows the name of " + open + " without its content"));
}

// from_file: an addon beside the image; the kernel inside is started from memory and has no path.
bool from_file(const BootStep& step) { return step.name.find_first_of("\\/") != std::string::npos; }

// The image is the last program that was loaded ahead of its sections.
Status find_programs(const KnownLog& known, BootedImage& out) {
  bool found = false;
  for (const BootStep& step : known.judged.chain.steps) {
    if (step.kind != BootStep::Kind::application) continue;
    if (step.event > out.sections.back().content && !from_file(step)) out.programs.push_back(step.event);
    if (step.event > out.sections.front().event) continue;
    out.image = step.event;
    found = true;
  }
  return found ? ok() : Status(mismatch("the log shows sections of a unified kernel image, but no program ahead of them"));
}

bool is_shown(const UnifiedChange& change, const BootedImage::Section& shown, const PeSection& section) {
  SectionMemory memory(section);
  return change.known.measures(change.known.log.events[shown.content], {memory.content, memory.zeros});
}

const std::vector<PeSection>& list_of(const UnifiedImage& image, std::string_view name) {
  return name == ".dtbauto" ? image.device_trees : image.firmware;
}

const PeSection* find_picked(const UnifiedChange& change, const BootedImage::Section& shown, const std::vector<PeSection>& list) {
  for (const PeSection& section : list)
    if (is_shown(change, shown, section)) return &section;
  return nullptr;
}

// check_old: the image given as the old one is the one that the log shows.
Status check_old(const UnifiedChange& change, View old_file) {
  const char* const other = "the log is not of a boot of the image that was given as the old one";
  TRY(Bytes program, authenticode_bytes(old_file));
  if (!change.known.measures(change.known.log.events[change.booted.image], {program})) return mismatch(other);
  auto expected = change.old->measured.begin();
  for (const BootedImage::Section& shown : change.booted.sections) {
    if (picked_by_machine(shown.name)) {
      if (find_picked(change, shown, list_of(*change.old, shown.name)) == nullptr) return mismatch(other);
      continue;
    }
    if (expected == change.old->measured.end() || expected->name != shown.name || !is_shown(change, shown, *expected)) return mismatch(other);
    ++expected;
  }
  return expected == change.old->measured.end() ? ok() : Status(mismatch(other));
}

void add_section(UnifiedChange& change, const PeSection& section, std::size_t behind) {
  SectionMemory memory(section);
  PredictedEvent name = change.known.hash_of(behind, {name_bytes(section.name)});
  PredictedEvent content = change.known.hash_of(behind, {memory.content, memory.zeros});
  name.change = content.change = PredictedEvent::Change::added;
  name.text = "name of " + section.name;
  content.text = section.name;
  change.out.added.push_back(std::move(name));
  change.out.added.push_back(std::move(content));
}

void remove_event(UnifiedChange& change, std::size_t i) {
  PredictedEvent gone;
  gone.event = i;
  gone.change = PredictedEvent::Change::removed;
  change.out.at[i] = std::move(gone);
}

bool same_content(const PeSection* a, const PeSection* b) {
  if (a == nullptr || b == nullptr) return a == b;
  return equal(a->content, b->content) && a->zeros == b->zeros;
}

// same_choice: the machine picks as it did where neither what it picks from nor what it picks by has changed.
bool same_choice(const UnifiedChange& change, std::string_view name) {
  if (change.old == nullptr || change.old->stub_major != change.now.stub_major) return false;
  const auto &old = list_of(*change.old, name), &now = list_of(change.now, name);
  return same_content(change.old->section(".hwids"), change.now.section(".hwids")) &&
         std::ranges::equal(old, now, [](const PeSection& a, const PeSection& b) { return same_content(&a, &b); });
}

// pick puts the section that the machine will pick into `out`, or says that it cannot be known.
void pick(UnifiedChange& change, std::string_view name, std::vector<const PeSection*>& out) {
  const std::vector<PeSection>& list = list_of(change.now, name);
  if (list.empty()) return;
  if (!same_choice(change, name)) {
    change.out.unsaid[change.booted.reg] = "the machine picks one of the sections " + std::string(name) +
                                           " by its hardware when it boots; that it picks as it did is known only with the image as it is now "
                                           "(--old-kernel), the same sections and the same stub";
    return;
  }
  auto shown = std::ranges::find(change.booted.sections, name, &BootedImage::Section::name);
  if (shown != change.booted.sections.end()) out.push_back(find_picked(change, *shown, list));
}

// sections_to_come in the order of measuring: .dtbauto stands ahead of .hwids, .efifw behind it.
std::vector<const PeSection*> sections_to_come(UnifiedChange& change) {
  std::vector<const PeSection*> out;
  const PeSection* hwids = change.now.section(".hwids");
  for (const PeSection& section : change.now.measured)
    if (&section != hwids) out.push_back(&section);
  pick(change, ".dtbauto", out);
  if (hwids != nullptr) out.push_back(hwids);
  pick(change, ".efifw", out);
  return out;
}

// Both lists are in the order of measuring. A section that comes in stands behind the one ahead of it; .linux is in every image.
Status change_sections(UnifiedChange& change) {
  std::size_t behind = change.booted.sections.front().content;
  std::vector<const PeSection*> next = sections_to_come(change);
  for (const PeSection* section : next) {
    auto shown = std::ranges::find(change.booted.sections, section->name, &BootedImage::Section::name);
    if (shown == change.booted.sections.end()) {
      add_section(change, *section, behind);
      continue;
    }
    if (shown->content < behind) return mismatch("the log shows sections in an order that no stub we know has");
    behind = shown->content;
    SectionMemory memory(*section);
    change.out.at[behind] = change.known.hash_of(behind, {memory.content, memory.zeros});
  }
  for (const BootedImage::Section& shown : change.booted.sections) {
    if (std::ranges::any_of(next, [&](const PeSection* section) { return section->name == shown.name; })) continue;
    remove_event(change, shown.event);
    remove_event(change, shown.content);
  }
  change.out.sections = change.booted.reg;
  return ok();
}

// The profile that was booted: the stub measures its number, in decimal, unless it is 0.
Result<unsigned> booted_profile(KnownLog& known) {
  unsigned out = 0;
  for (const TcgEvent& event : known.log.events) {
    auto tag = event.type == kTag && event.extends() ? efi::parse_tagged(event.data) : Result<efi::TaggedEvent>(Error{Errc::malformed, ""});
    if (!tag || tag->id != kProfileTag) continue;
    std::string text = efi::from_any(tag->data);
    auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), out);
    Bytes measured;
    for (char digit : text + '\0') measured.insert(measured.end(), {static_cast<std::uint8_t>(digit), 0});
    if (error != std::errc() || rest != text.data() + text.size() || !known.measures(event, {measured}))
      return mismatch("the log does not prove which profile of the image was booted");
  }
  return out;
}

// A stub of a version that is not known here may measure in another way; what it measured at the last boot is all that is known.
void check_version(UnifiedChange& change) {
  if (change.now.stub_major <= kLastKnownStub) return;
  if (change.old != nullptr && change.old->stub_major == change.now.stub_major) return;
  std::string why = "what the stub of systemd " + std::to_string(change.now.stub_major) + " measures is not known here (" +
                    std::to_string(kFirstMeasuringStub) + " to " + std::to_string(kLastKnownStub) + " are)";
  std::set<std::uint32_t> regs{change.booted.reg, change.known.log.events[change.booted.image].pcr, inner_register(change)};
  if (change.booted.reg == kSectionsPcr) regs.insert(kConfigPcr);
  for (std::uint32_t reg : regs) change.out.unsaid[reg] = why;
}

}  // namespace

bool is_section(const TcgEvent& event) {
  if (event.type != kIpl || !event.extends()) return false;
  std::string text = efi::from_any(event.data);
  return std::ranges::find(kSections, text) != std::end(kSections);
}

Status change_unified(KnownLog& known, const BootFile& file, NextBoot& out) {
  BootedImage booted;
  CHECK_OK(find_sections(known, booted));
  CHECK_OK(find_programs(known, booted));
  TRY(unsigned profile, booted_profile(known));
  TRY(UnifiedImage now, parse_unified_image(file.content, profile));
  UnifiedImage old;
  if (file.old) {
    TRY(old, parse_unified_image(*file.old, profile));
  }
  UnifiedChange change{known, booted, now, file.old ? &old : nullptr, out};
  if (file.old) CHECK_OK(check_old(change, *file.old));
  TRY(Bytes program, authenticode_bytes(file.content));
  out.at[booted.image] = known.hash_of(booted.image, {program});
  CHECK_OK(change_sections(change));
  CHECK_OK(change_inner(change));
  check_version(change);
  return ok();
}

Result<std::vector<PhaseValues>> boot_phases(const std::vector<BankValues>& banks, std::uint32_t reg, std::string_view phases) {
  std::vector<PhaseValues> out;
  std::vector<std::pair<std::string, std::pair<BankReplay, Digest>>> values;
  for (const BankValues& bank : banks) {
    TRY(BankReplay hash, BankReplay::make(bank.alg, 0));
    auto start = bank.values.find(reg);
    Digest value = start != bank.values.end() ? start->second : hash.value(reg);
    values.emplace_back(bank.name, std::pair(std::move(hash), value));
  }
  for (std::size_t at = 0; at <= phases.size();) {
    std::size_t end = std::min(phases.find(':', at), phases.size());
    std::string_view word = phases.substr(at, end - at);
    if (word.empty()) return Error{Errc::denied, "predict: a phase of the boot without a name"};
    PhaseValues reached{std::string(phases.substr(0, end)), {}};
    for (auto& [name, bank] : values) {
      bank.second = bank.first.hash({bank.second.view(), bank.first.hash({as_view(word)}).view()});
      reached.values.emplace_back(name, bank.second);
    }
    out.push_back(std::move(reached));
    at = end + 1;
  }
  return out;
}

}  // namespace attest
