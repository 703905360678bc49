#include "verifier/logs/predict.h"

#include <algorithm>

#include "evidence/firmware/pe_image.h"
#include "evidence/logs/efi/tagged.h"
#include "verifier/logs/event_log.h"
#include "verifier/logs/predict_parts.h"

namespace attest {
namespace {

constexpr std::uint32_t kIpl = 0x0000000d, kTag = 0x00000006, kVariableConfig = 0x80000001;
constexpr std::uint32_t kInitrdTag = 0x8f3b22ec;

// Known is the log as it was judged.
struct Known {
  const TcgEventLog& log;
  EventLogJudgement judged;
  std::vector<const BootStep*> steps;  // by event; nullptr for what is none
  std::vector<std::pair<std::uint16_t, BankReplay>> hashes;
};

Result<Known> know(const TcgEventLog& log) {
  TRY(EventLogJudgement judged, judge_event_log(log, {}));
  Known out{log, std::move(judged), std::vector<const BootStep*>(log.events.size()), {}};
  for (const TcgEventLog::Algorithm& algorithm : log.algorithms)
    if (auto hash = BankReplay::make(algorithm.id, 0)) out.hashes.emplace_back(algorithm.id, *std::move(hash));
  return out;
}

// A moved judgement keeps the steps where they are, so they are listed once it lies still.
void list_steps(Known& known) {
  for (const BootStep& step : known.judged.chain.steps) known.steps[step.event] = &step;
}

View digest_in(const TcgEvent& event, std::uint16_t alg) {
  for (const TcgDigest& digest : event.digests)
    if (digest.alg == alg) return digest.value;
  return {};
}

// measures: every bank of the event that we can compute has the hash of these bytes.
bool measures(Known& known, const TcgEvent& event, View bytes) {
  bool any = false;
  for (auto& [alg, hash] : known.hashes) {
    View digest = digest_in(event, alg);
    if (digest.empty()) continue;
    if (!equal(hash.hash({bytes}).view(), digest)) return false;
    any = true;
  }
  return any;
}

PredictedEvent with_hash_of(Known& known, std::size_t i, View bytes) {
  PredictedEvent out{i, {}};
  for (auto& [alg, hash] : known.hashes)
    if (!digest_in(known.log.events[i], alg).empty()) out.digests.emplace_back(alg, hash.hash({bytes}));
  return out;
}

bool is_image(const BootStep& step) {
  return step.kind == BootStep::Kind::application || step.kind == BootStep::Kind::driver;
}

// behind_loader: an application was loaded before this one; what a boot loader starts from memory has no name.
bool behind_loader(const Known& known, const BootStep& step) {
  return std::ranges::any_of(known.judged.chain.steps, [&](const BootStep& other) {
    return other.event < step.event && other.kind == BootStep::Kind::application && !other.name.empty();
  });
}

// named_so: the log's words for this event are those of the file that changes.
bool named_so(const Known& known, const BootFile& file, std::size_t i) {
  const BootStep* step = known.steps[i];
  const TcgEvent& event = known.log.events[i];
  if (file.role == BootFile::Role::initrd && event.type == kTag) {
    auto tag = efi::parse_tagged(event.data);
    return tag && tag->id == kInitrdTag;
  }
  if (step == nullptr || step->kind == BootStep::Kind::command_line) return false;
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

Status refuse_unified(const BootFile& file) {
  if (!is_pe_image(file.content)) return ok();
  TRY(PeImage image, parse_pe_image(file.content));
  for (const PeSection& section : image.sections)
    if (section.name == ".linux")
      return Error{Errc::unsupported, "predict: a unified kernel image measures its sections one by one to PCR 11, which is not predicted"};
  return ok();
}

Status change_file(Known& known, const BootFile& file, std::vector<std::optional<PredictedEvent>>& out) {
  if (file.role == BootFile::Role::kernel) CHECK_OK(refuse_unified(file));
  TRY(Contents now, contents_of(file.content));
  Contents old;
  if (file.old) {
    TRY(old, contents_of(*file.old));
  }
  bool found = false;
  for (std::size_t i = 0; i < known.log.events.size(); i++) {
    const TcgEvent& event = known.log.events[i];
    if (!event.extends() || out[i]) continue;
    bool image = known.steps[i] != nullptr && is_image(*known.steps[i]);
    bool here = file.old ? measures(known, event, image ? View(old.image) : old.whole) : named_so(known, file, i);
    if (!here) continue;
    if (image && now.image.empty())
      return Error{Errc::mismatch, "predict: the log shows " + std::string(role_text(file)) + " as a program; the new file is none"};
    out[i] = with_hash_of(known, i, image ? View(now.image) : now.whole);
    found = true;
  }
  std::string what = role_text(file) + (file.name.empty() ? "" : " (" + file.name + ")");
  return found ? ok() : Status(nothing_changes(what));
}

// texts_of applies every change to the part of an event's data that was measured; nullopt where none applies.
std::optional<Bytes> changed_text(Known& known, const TcgEvent& event, const std::vector<BootText>& texts, std::vector<bool>& used) {
  for (View candidate : digest_candidates(event)) {
    if (!measures(known, event, candidate)) continue;
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
std::optional<Bytes> changed_options(Known& known, const TcgEvent& event, const std::vector<BootText>& texts, std::vector<bool>& used) {
  for (std::size_t t = 0; t < texts.size(); t++) {
    if (!texts[t].command_line) continue;
    for (auto& [old, now] : load_options_forms(texts[t])) {
      if (!measures(known, event, old)) continue;
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
Status complete_texts(const Known& known, std::vector<BootText>& texts) {
  for (BootText& text : texts) {
    if (!text.command_line || !text.old.empty()) continue;
    TRY(text.old, command_line_of(known.log, known.judged.findings));
    if (text.old.empty()) return only_a_hash();
  }
  return ok();
}

Status change_texts(Known& known, std::vector<BootText> texts, std::vector<std::optional<PredictedEvent>>& out) {
  CHECK_OK(complete_texts(known, texts));
  bool of_kernel = std::ranges::any_of(texts, &BootText::command_line);
  std::vector<BootText> bare = texts;
  for (BootText& text : bare)
    if (text.command_line) text = {without_image(text.old), without_image(text.now), true};
  std::vector<bool> used(texts.size());
  for (std::size_t i = 0; i < known.log.events.size(); i++) {
    const TcgEvent& event = known.log.events[i];
    if (out[i] || (event.type != kIpl && event.type != kTag)) continue;
    bool options = is_load_options(event);
    auto changed = options ? changed_options(known, event, texts, used) : changed_text(known, event, bare, used);
    if (changed) out[i] = with_hash_of(known, i, *changed);
    if (!changed && options && of_kernel) return only_a_hash();
  }
  for (std::size_t t = 0; t < texts.size(); t++)
    if (!used[t]) return nothing_changes("the text \"" + texts[t].old + "\"");
  return ok();
}

Status change_variable(Known& known, const BootVariable& change, std::vector<std::optional<PredictedEvent>>& out) {
  bool found = false;
  for (std::size_t i = 0; i < known.log.events.size(); i++) {
    const TcgEvent& event = known.log.events[i];
    if (event.type != kVariableConfig || known.judged.findings.bindings[i] != Binding::bound) continue;
    TRY(std::optional<Bytes> changed, changed_variable(event, change));
    if (!changed) continue;
    out[i] = with_hash_of(known, i, *changed);
    found = true;
  }
  return found ? ok() : Status(nothing_changes("the variable " + change.name));
}

bool differs(const TcgEvent& event, const PredictedEvent& predicted) {
  return std::ranges::any_of(predicted.digests, [&](const auto& d) { return !equal(d.second.view(), digest_in(event, d.first)); });
}

Result<std::vector<BankValues>> replay_with(const TcgEventLog& log, const std::vector<PredictedEvent>& predicted) {
  TcgEventLog next = log;
  for (const PredictedEvent& p : predicted)
    for (TcgDigest& digest : next.events[p.event].digests)
      for (const auto& [alg, value] : p.digests)
        if (alg == digest.alg) digest.value = value.view();
  return replay_banks(next);
}

}  // namespace

Result<Prediction> predict(const TcgEventLog& log, const BootChanges& changes) {
  TRY(Known known, know(log));
  list_steps(known);
  std::vector<std::optional<PredictedEvent>> out(log.events.size());
  for (const BootFile& file : changes.files) CHECK_OK(change_file(known, file, out));
  CHECK_OK(change_texts(known, changes.texts, out));
  for (const BootVariable& variable : changes.variables) CHECK_OK(change_variable(known, variable, out));
  Prediction result;
  for (std::size_t i = 0; i < out.size(); i++)
    if (out[i] && differs(log.events[i], *out[i])) result.events.push_back(*std::move(out[i]));
  result.before = std::move(known.judged.banks);
  TRY(result.after, replay_with(log, result.events));
  return result;
}

}  // namespace attest
