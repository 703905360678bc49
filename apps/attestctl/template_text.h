// template_text.h: filling in a configuration file without losing its comments.
#pragma once
#include <map>

#include "evidence/core/bytes.h"

namespace attest::ctl {

// TemplateText replaces parts of a text that is known at build time. A part that does not stand in the text
// exactly once is an error of ours: finish() then says which (a test fills every template).
class TemplateText {
 public:
  explicit TemplateText(std::string text) : text_(std::move(text)) {}
  // replace puts `with` where `part` stands.
  TemplateText& replace(const std::string& part, const std::string& with);
  // replace_block replaces from `first` up to and including the next `last`.
  TemplateText& replace_block(const std::string& first, const std::string& last, const std::string& with);
  // set gives "KEY = ..." or "# KEY = ..." of an openssl.cnf its value.
  TemplateText& set(const std::string& key, const std::string& value);
  Result<std::string> finish() &&;

 private:
  std::size_t only(const std::string& part);
  std::string text_;
  std::string missing_;
};

// json_quoted writes a text as a JSON string, quotes included.
std::string json_quoted(std::string_view text);

}  // namespace attest::ctl
