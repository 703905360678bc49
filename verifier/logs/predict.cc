#include "verifier/logs/predict.h"

#include <algorithm>

#include "evidence/firmware/unified_image.h"
#include "evidence/logs/efi/tagged.h"
#include "verifier/logs/predict_parts.h"

namespace attest {
namespace {

constexpr std::uint32_t kIpl = 0x0000000d, kTag = 0x00000006, kVariableConfig = 0x80000001;
constexpr std::uint32_t kInitrdTag = 0x8f3b22ec;
constexpr std::uint32_t kStubPcr = 12;

Result<KnownLog> know(const TcgEventLog& log) {
  TRY(EventLogJudgement judged, judge_event_log(log, {}));
  KnownLog out{log, std::move(judged), std::vector<const BootStep*>(log.events.size()), {}};
  for (const TcgEventLog::Algorithm& algorithm : log.algorithms)
    if (auto hash = BankReplay::make(algorithm.id, 0)) out.hashes.emplace_back(algorithm.id, *std::move(hash));
  return out;
}

// A moved judgement keeps the steps where they are, so they are listed once it lies still.
void list_steps(KnownLog& known) {
  for (const BootStep& step : known.judged.chain.steps) known.steps[step.event] = &step;
}

// behind_loader: an application was loaded before this one; what a boot loader starts from memory has no name.
bool behind_loader(const KnownLog& known, const BootStep& step) {
  return std::ranges::any_of(known.judged.chain.steps, [&](const BootStep& other) {
    return other.event < step.event && other.kind == BootStep::Kind::application && !other.name.empty();
  });
}

// named_so: the log's words for this event are those of the file that changes.
bool named_so(const KnownLog& known, const BootFile& file, std::size_t i) {
  const BootStep* step = known.steps[i];
  const TcgEvent& event = known.log.events[i];
  if (is_section(event)) return false;
  if (file.role == BootFile::Role::initrd && event.type == kTag) {
    auto tag = efi::parse_tagged(event.data);
    return tag && tag->id == kInitrdTag;
  }
  if (step == nullptr) return false;
  // systemd's stub measures credentials beside command lines, under a title of its own.
  bool titled = file.role == BootFile::Role::named && event.pcr == kStubPcr && step->name == file.name;
  if (step->kind == BootStep::Kind::command_line && !titled) return false;
  switch (file.role) {
    case BootFile::Role::kernel:
      if (step->name.empty()) return is_image(*step) && behind_loader(known, *step);
      return names_kernel(step->name);
    case BootFile::Role::initrd: return !is_image(*step) && names_initrd(step->name);
    case BootFile::Role::boot_loader: return is_image(*step) && last_component(step->name) == last_component(file.name);
    case BootFile::Role::named: return step->name == file.name || last_component(step->name) == last_component(file.name);
  }
  return false;
}

// Contents are what may be measured of a file: all of it, and where it is a program what Authenticode covers.
struct Contents {
  View whole;
  Bytes image;
};

Result<Contents> contents_of(View file) {
  Contents out{file, {}};
  if (is_pe_image(file)) {
    TRY(out.image, authenticode_bytes(file));
  }
  return out;
}

const char* role_text(const BootFile& file) {
  switch (file.role) {
    case BootFile::Role::kernel: return "a kernel";
    case BootFile::Role::initrd: return "an initrd";
    case BootFile::Role::boot_loader: return "this boot loader";
    case BootFile::Role::named: return "this file";
  }
  return "";
}

Error nothing_changes(const std::string& what) {
  return {Errc::mismatch, "predict: the log does not show " + what + ", so nothing would change"};
}

Result<bool> is_unified(const BootFile& file) {
  if (file.role != BootFile::Role::kernel || !is_pe_image(file.content)) return false;
  TRY(PeImage image, parse_pe_image(file.content));
  return is_unified_image(image);
}

// fits_boot: where a unified image was booted, kernel and initrd are parts of it and change with it.
Status fits_boot(const KnownLog& known, const BootFile& file) {
  bool part = file.role == BootFile::Role::kernel || file.role == BootFile::Role::initrd;
  if (!part || std::ranges::none_of(known.log.events, is_section)) return ok();
  return Error{Errc::mismatch, "predict: a unified kernel image was booted: its kernel and initrd change with a new one (--kernel)"};
}

Status change_file(KnownLog& known, const BootFile& file, NextBoot& out) {
  TRY(bool unified, is_unified(file));
  if (unified) return change_unified(known, file, out);
  CHECK_OK(fits_boot(known, file));
  TRY(Contents now, contents_of(file.content));
  Contents old;
  if (file.old) {
    TRY(old, contents_of(*file.old));
  }
  bool found = false;
  for (std::size_t i = 0; i < known.log.events.size(); i++) {
    const TcgEvent& event = known.log.events[i];
    if (!event.extends() || out.at[i]) continue;
    bool image = known.steps[i] != nullptr && is_image(*known.steps[i]);
    bool here = file.old ? known.measures(event, {image ? View(old.image) : old.whole}) : named_so(known, file, i);
    if (!here) continue;
    if (image && now.image.empty())
      return Error{Errc::mismatch, "predict: the log shows " + std::string(role_text(file)) + " as a program; the new file is none"};
    out.at[i] = known.hash_of(i, {image ? View(now.image) : now.whole});
    found = true;
  }
  std::string what = role_text(file) + (file.name.empty() ? "" : " (" + file.name + ")");
  return found ? ok() : Status(nothing_changes(what));
}

// texts_of applies every change to the part of an event's data that was measured; nullopt where none applies.
std::optional<Bytes> changed_text(KnownLog& known, const TcgEvent& event, const std::vector<BootText>& texts, std::vector<bool>& used) {
  for (View candidate : digest_candidates(event)) {
    if (!known.measures(event, {candidate})) continue;
    std::optional<Bytes> out;
    for (std::size_t t = 0; t < texts.size(); t++) {
      auto next = replaced(out ? View(*out) : candidate, texts[t]);
      if (!next) continue;
      out = std::move(next);
      used[t] = true;
    }
    return out;
  }
  return std::nullopt;
}

// changed_options: the kernel's own hash of its command line, where one of the texts is what it measured.
std::optional<Bytes> changed_options(KnownLog& known, const TcgEvent& event, const std::vector<BootText>& texts, std::vector<bool>& used) {
  for (std::size_t t = 0; t < texts.size(); t++) {
    if (!texts[t].command_line) continue;
    for (auto& [old, now] : load_options_forms(texts[t])) {
      if (!known.measures(event, {old})) continue;
      used[t] = true;
      return std::move(now);
    }
  }
  return std::nullopt;
}

Error only_a_hash() {
  return {Errc::mismatch, "predict: the log has only a hash of the kernel's command line; say what it is now (/proc/cmdline)"};
}

// complete_texts finds the old command line where it was not given.
Status complete_texts(const KnownLog& known, std::vector<BootText>& texts) {
  for (BootText& text : texts) {
    if (!text.command_line || !text.old.empty()) continue;
    TRY(text.old, command_line_of(known.log, known.judged.findings));
    if (text.old.empty()) return only_a_hash();
  }
  return ok();
}

Status change_texts(KnownLog& known, std::vector<BootText> texts, NextBoot& out) {
  CHECK_OK(complete_texts(known, texts));
  bool of_kernel = std::ranges::any_of(texts, &BootText::command_line);
  std::vector<BootText> bare = texts;
  for (BootText& text : bare)
    if (text.command_line) text = {without_image(text.old), without_image(text.now), true};
  std::vector<bool> used(texts.size());
  for (std::size_t i = 0; i < known.log.events.size(); i++) {
    const TcgEvent& event = known.log.events[i];
    if (out.at[i] || (event.type != kIpl && event.type != kTag)) continue;
    bool options = is_load_options(event);
    auto changed = options ? changed_options(known, event, texts, used) : changed_text(known, event, bare, used);
    if (changed) out.at[i] = known.hash_of(i, {*changed});
    if (!changed && options && of_kernel) return only_a_hash();
  }
  for (std::size_t t = 0; t < texts.size(); t++)
    if (!used[t]) return nothing_changes("the text \"" + texts[t].old + "\"");
  return ok();
}

Status change_variable(KnownLog& known, const BootVariable& change, NextBoot& out) {
  bool found = false;
  for (std::size_t i = 0; i < known.log.events.size(); i++) {
    const TcgEvent& event = known.log.events[i];
    if (event.type != kVariableConfig || known.judged.findings.bindings[i] != Binding::bound) continue;
    TRY(std::optional<Bytes> changed, changed_variable(event, change));
    if (!changed) continue;
    out.at[i] = known.hash_of(i, {*changed});
    found = true;
  }
  return found ? ok() : Status(nothing_changes("the variable " + change.name));
}

bool differs(const TcgEvent& event, const PredictedEvent& predicted) {
  return std::ranges::any_of(predicted.digests, [&](const auto& d) { return !equal(d.second.view(), digest_in(event, d.first)); });
}

// Events that will be there, with what they will measure. The digests are lent from the prediction.
void put_digests(TcgEvent& event, const PredictedEvent& predicted) {
  for (TcgDigest& digest : event.digests)
    for (const auto& [alg, value] : predicted.digests)
      if (alg == digest.alg) digest.value = value.view();
}

Result<std::vector<BankValues>> replay_with(const TcgEventLog& log, const std::vector<PredictedEvent>& predicted) {
  using Change = PredictedEvent::Change;
  TcgEventLog next = log;
  next.events.clear();
  std::size_t p = 0;
  for (std::size_t i = 0; i < log.events.size(); i++) {
    const PredictedEvent* here = p < predicted.size() && predicted[p].event == i && predicted[p].change != Change::added
                                     ? &predicted[p++]
                                     : nullptr;
    if (here == nullptr || here->change == Change::replaced) next.events.push_back(log.events[i]);
    if (here != nullptr && here->change == Change::replaced) put_digests(next.events.back(), *here);
    for (; p < predicted.size() && predicted[p].event == i; p++) {
      next.events.push_back(log.events[i]);
      put_digests(next.events.back(), predicted[p]);
    }
  }
  return replay_banks(next);
}

// in_order lists what really changes as the next log would have it.
std::vector<PredictedEvent> in_order(const TcgEventLog& log, NextBoot next) {
  std::vector<PredictedEvent> out;
  for (std::size_t i = 0; i < next.at.size(); i++) {
    auto& here = next.at[i];
    if (here && (here->change == PredictedEvent::Change::removed || differs(log.events[i], *here))) out.push_back(*std::move(here));
    for (PredictedEvent& added : next.added)
      if (added.event == i) out.push_back(std::move(added));
  }
  return out;
}

}  // namespace

bool KnownLog::measures(const TcgEvent& event, std::initializer_list<View> parts) {
  bool any = false;
  for (auto& [alg, hash] : hashes) {
    View digest = digest_in(event, alg);
    if (digest.empty()) continue;
    if (!equal(hash.hash(parts).view(), digest)) return false;
    any = true;
  }
  return any;
}

PredictedEvent KnownLog::hash_of(std::size_t i, std::initializer_list<View> parts) {
  PredictedEvent out;
  out.event = i;
  for (auto& [alg, hash] : hashes)
    if (!digest_in(log.events[i], alg).empty()) out.digests.emplace_back(alg, hash.hash(parts));
  return out;
}

View digest_in(const TcgEvent& event, std::uint16_t alg) {
  for (const TcgDigest& digest : event.digests)
    if (digest.alg == alg) return digest.value;
  return {};
}

bool is_image(const BootStep& step) {
  return step.kind == BootStep::Kind::application || step.kind == BootStep::Kind::driver;
}

Result<Prediction> predict(const TcgEventLog& log, const BootChanges& changes) {
  TRY(KnownLog known, know(log));
  list_steps(known);
  NextBoot next;
  next.at.resize(log.events.size());
  for (const BootFile& file : changes.files) CHECK_OK(change_file(known, file, next));
  CHECK_OK(change_texts(known, changes.texts, next));
  for (const BootVariable& variable : changes.variables) CHECK_OK(change_variable(known, variable, next));
  Prediction result;
  result.unsaid = std::move(next.unsaid);
  result.sections = next.sections;
  result.events = in_order(log, std::move(next));
  result.before = std::move(known.judged.banks);
  TRY(result.after, replay_with(log, result.events));
  return result;
}

}  // namespace attest
