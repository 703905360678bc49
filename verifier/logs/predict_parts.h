// predict_parts.h: the parts of predict.cc. Private to this folder.
#pragma once
#include "verifier/logs/predict.h"

namespace attest {

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
