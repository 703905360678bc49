// predict_parts.h: the parts of predict.cc. Private to this folder.
#pragma once
#include "verifier/logs/event_log.h"
#include "verifier/logs/predict.h"

namespace attest {

// KnownLog is a log as it was judged. Lends from the log.
struct KnownLog {
  const TcgEventLog& log;
  EventLogJudgement judged;
  std::vector<const BootStep*> steps;  // by event; nullptr for what is none
  std::vector<std::pair<std::uint16_t, BankReplay>> hashes;

  // measures: every bank of the event that we can compute has the hash of these bytes.
  bool measures(const TcgEvent& event, std::initializer_list<View> parts);
  // hash_of: event `i` as it will be if it measures these bytes.
  PredictedEvent hash_of(std::size_t i, std::initializer_list<View> parts);
};
View digest_in(const TcgEvent& event, std::uint16_t alg);
bool is_image(const BootStep& step);

// NextBoot is what changes, gathered file by file.
struct NextBoot {
  std::vector<std::optional<PredictedEvent>> at;  // by event
  std::vector<PredictedEvent> added;              // in the order in which they come
  std::map<std::uint32_t, std::string> unsaid;
  std::optional<std::uint32_t> sections;
};

// is_section: an event in which a stub measures the name or the content of a section of a unified image.
bool is_section(const TcgEvent& event);
// change_unified puts a new unified image, file.content, in the place of the one that was booted.
Status change_unified(KnownLog& known, const BootFile& file, NextBoot& out);

// Names of boot files: the last component, in lower case.
std::string last_component(std::string_view path);
bool names_kernel(std::string_view path);  // vmlinuz-6.1, bzImage, kernel, linux
bool names_initrd(std::string_view path);

// command_line_of is the kernel's command line as the log proves it, without the kernel's name in front; "" if there is none, mismatch
// if there are several.
Result<std::string> command_line_of(const TcgEventLog& log, const EventFindings& findings);

// replaced puts `text.now` in the place of every `text.old` that is not the beginning of a longer name, in plain text and in UTF-16;
// nullopt where there is none.
std::optional<Bytes> replaced(View data, const BootText& text);

// is_load_options: the kernel's own measurement of its command line, of which the log has a hash alone.
bool is_load_options(const TcgEvent& event);
// load_options_forms are the ways in which a kernel may have measured the old command line, each with what it will measure then.
std::vector<std::pair<Bytes, Bytes>> load_options_forms(const BootText& text);
// without_image drops the "BOOT_IMAGE=..." that GRUB puts in front of a command line.
std::string without_image(const std::string& line);

// changed_variable is UEFI_VARIABLE_DATA with the new content; nullopt for other variables.
Result<std::optional<Bytes>> changed_variable(const TcgEvent& event, const BootVariable& change);

}  // namespace attest
