// Unified kernel images: the image itself is measured as a program, then its stub measures each section's name and content, then the
// firmware may measure the kernel inside as a program, and that kernel its initrd and its command line.
#include "evidence/firmware/unified_image.h"
#include "evidence/logs/efi/tagged.h"
#include "evidence/logs/efi/text.h"
#include "verifier/logs/predict_parts.h"

namespace attest {
namespace {

constexpr std::uint32_t kIpl = 0x0000000d, kTag = 0x00000006;
constexpr std::uint32_t kInitrdTag = 0x8f3b22ec;
constexpr std::string_view kSections[] = {".linux", ".osrel", ".cmdline", ".initrd",  ".ucode",   ".splash", ".dtb",
                                          ".uname", ".sbat",  ".pcrpkey", ".profile", ".dtbauto", ".hwids",  ".efifw"};
const char* const kNeedsOld = "the kernel inside measures its initrd and command line; give the image as it is now (--old-kernel)";

Error mismatch(const std::string& what) { return {Errc::mismatch, "predict: " + what}; }

// Booted is where the log shows the parts of the image that was booted.
struct Booted {
  struct Section {
    std::string name;
    std::size_t event = 0, content = 0;  // the events of its name and of its content
  };
  std::size_t image = 0;
  std::vector<Section> sections;
  std::vector<std::size_t> programs;  // loaded behind the sections
};

// Names are measured with the NUL behind them, whatever the log says.
View name_bytes(const std::string& name) { return {reinterpret_cast<const std::uint8_t*>(name.c_str()), name.size() + 1}; }

Status find_sections(KnownLog& known, Booted& out) {
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
  if (out.sections.empty()) return mismatch("the log does not show the boot of a unified kernel image, so nothing would change");
  return open.empty() ? ok() : Status(mismatch("the log shows the name of " + open + " without its content"));
}

// The image is the last program that was loaded ahead of its sections.
Status find_programs(const KnownLog& known, Booted& out) {
  bool found = false;
  for (const BootStep& step : known.judged.chain.steps) {
    if (step.kind != BootStep::Kind::application) continue;
    if (step.event > out.sections.back().content) out.programs.push_back(step.event);
    if (step.event > out.sections.front().event) continue;
    out.image = step.event;
    found = true;
  }
  return found ? ok() : Status(mismatch("the log shows sections of a unified kernel image, but no program ahead of them"));
}

// Section as it lies in memory: the content, then zeros.
struct Memory {
  View content;
  Bytes zeros;
  explicit Memory(const PeSection& section) : content(section.content), zeros(section.zeros) {}
};

struct Change {
  KnownLog& known;
  const Booted& booted;
  const UnifiedImage& now;
  const UnifiedImage* old;  // nullptr where it is not at hand
  NextBoot& out;
};

// check_old: the image given as the old one is the one that the log shows.
Status check_old(const Change& change, View old_file) {
  const char* const other = "the log is not of a boot of the image that was given as the old one";
  TRY(Bytes program, authenticode_bytes(old_file));
  if (!change.known.measures(change.known.log.events[change.booted.image], {program})) return mismatch(other);
  if (change.old->measured.size() != change.booted.sections.size()) return mismatch(other);
  for (std::size_t i = 0; i < change.old->measured.size(); i++) {
    const Booted::Section& shown = change.booted.sections[i];
    Memory memory(change.old->measured[i]);
    if (shown.name != change.old->measured[i].name ||
        !change.known.measures(change.known.log.events[shown.content], {memory.content, memory.zeros}))
      return mismatch(other);
  }
  return ok();
}

void add_section(Change& change, const PeSection& section, std::size_t behind) {
  Memory memory(section);
  PredictedEvent name = change.known.hash_of(behind, {name_bytes(section.name)});
  PredictedEvent content = change.known.hash_of(behind, {memory.content, memory.zeros});
  name.change = content.change = PredictedEvent::Change::added;
  name.text = "name of " + section.name;
  content.text = section.name;
  change.out.added.push_back(std::move(name));
  change.out.added.push_back(std::move(content));
}

void remove_event(Change& change, std::size_t i) {
  PredictedEvent gone;
  gone.event = i;
  gone.change = PredictedEvent::Change::removed;
  change.out.at[i] = std::move(gone);
}

// Both lists are in the order of measuring. A section that comes in stands behind the one ahead of it; .linux is in every image.
Status change_sections(Change& change) {
  std::size_t behind = change.booted.sections.front().content;
  for (const PeSection& section : change.now.measured) {
    auto shown = std::ranges::find(change.booted.sections, section.name, &Booted::Section::name);
    if (shown == change.booted.sections.end()) {
      add_section(change, section, behind);
      continue;
    }
    if (shown->content < behind) return mismatch("the log shows sections in an order that no stub we know has");
    behind = shown->content;
    Memory memory(section);
    change.out.at[behind] = change.known.hash_of(behind, {memory.content, memory.zeros});
  }
  for (const Booted::Section& shown : change.booted.sections) {
    if (change.now.section(shown.name) != nullptr) continue;
    remove_event(change, shown.event);
    remove_event(change, shown.content);
  }
  change.out.sections = change.known.log.events[behind].pcr;
  return ok();
}

// The kernel inside: loaded by the firmware for some stubs, and then measured as a program.
Status change_kernel(Change& change) {
  if (change.booted.programs.empty()) return ok();
  std::size_t at = change.booted.programs.front();
  if (change.old != nullptr) {
    auto old = authenticode_bytes(change.old->section(".linux")->content);
    auto found = std::ranges::find_if(change.booted.programs, [&](std::size_t i) {
      return old && change.known.measures(change.known.log.events[i], {*old});
    });
    if (found == change.booted.programs.end()) return ok();
    at = *found;
  } else if (change.booted.programs.size() > 1) {
    return mismatch("several programs were loaded behind the image; give the image as it is now (--old-kernel)");
  }
  View kernel = change.now.section(".linux")->content;
  if (!is_pe_image(kernel)) return mismatch("the log shows the kernel inside the image as a program; the new one is none");
  TRY(Bytes program, authenticode_bytes(kernel));
  change.out.at[at] = change.known.hash_of(at, {program});
  return ok();
}

std::string line_in(const UnifiedImage& image) {
  const PeSection* section = image.section(".cmdline");
  if (section == nullptr) return "";
  std::string out(as_text(efi::without_nuls(section->content)));
  while (!out.empty() && static_cast<unsigned char>(out.back()) <= ' ') out.pop_back();
  return out;
}

Bytes content_of(const UnifiedImage& image, std::string_view name) {
  const PeSection* section = image.section(name);
  return section == nullptr ? Bytes() : to_bytes(section->content);
}

void change_options(Change& change, std::size_t i) {
  BootText text{line_in(*change.old), line_in(change.now), true};
  const TcgEvent& event = change.known.log.events[i];
  for (auto& [old, now] : load_options_forms(text)) {
    if (!change.known.measures(event, {old})) continue;
    change.out.at[i] = change.known.hash_of(i, {now});
    return;
  }
  if (text.old != text.now)
    change.out.unsaid[event.pcr] = "the kernel inside measured another command line than its image has";
}

// The stub packs further files behind the initrd where there are any; then the kernel measures all of it at once.
void change_initrd(Change& change, std::size_t i) {
  const TcgEvent& event = change.known.log.events[i];
  Bytes old = content_of(*change.old, ".initrd"), now = content_of(change.now, ".initrd");
  for (std::size_t unit : {std::size_t{1}, std::size_t{4}}) {
    Bytes was = old, will = now;
    was.resize((was.size() + unit - 1) / unit * unit);
    will.resize((will.size() + unit - 1) / unit * unit);
    if (!change.known.measures(event, {was})) continue;
    change.out.at[i] = change.known.hash_of(i, {will});
    return;
  }
  change.out.unsaid[event.pcr] = "the kernel inside measured its initrd with what the stub packs behind it (credentials, PCR signatures)";
}

void change_tags(Change& change) {
  for (std::size_t i = change.booted.sections.back().content; i < change.known.log.events.size(); i++) {
    const TcgEvent& event = change.known.log.events[i];
    auto tag = event.type == kTag ? efi::parse_tagged(event.data) : Result<efi::TaggedEvent>(Error{Errc::malformed, ""});
    bool options = is_load_options(event), initrd = tag && tag->id == kInitrdTag;
    if (!options && !initrd) continue;
    if (change.old == nullptr)
      change.out.unsaid[event.pcr] = kNeedsOld;
    else if (options)
      change_options(change, i);
    else
      change_initrd(change, i);
  }
}

}  // namespace

bool is_section(const TcgEvent& event) {
  if (event.type != kIpl || !event.extends()) return false;
  std::string text = efi::from_any(event.data);
  return std::ranges::find(kSections, text) != std::end(kSections);
}

Status change_unified(KnownLog& known, const BootFile& file, NextBoot& out) {
  Booted booted;
  CHECK_OK(find_sections(known, booted));
  CHECK_OK(find_programs(known, booted));
  TRY(UnifiedImage now, parse_unified_image(file.content));
  UnifiedImage old;
  if (file.old) {
    TRY(old, parse_unified_image(*file.old));
  }
  Change change{known, booted, now, file.old ? &old : nullptr, out};
  if (file.old) CHECK_OK(check_old(change, *file.old));
  TRY(Bytes program, authenticode_bytes(file.content));
  out.at[booted.image] = known.hash_of(booted.image, {program});
  CHECK_OK(change_sections(change));
  CHECK_OK(change_kernel(change));
  change_tags(change);
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
