#include "apps/attestctl/template_text.h"

#include <nlohmann/json.hpp>

namespace attest::ctl {

std::size_t TemplateText::only(const std::string& part) {
  std::size_t at = text_.find(part);
  if (at == std::string::npos || text_.find(part, at + 1) != std::string::npos) {
    if (missing_.empty()) missing_ = part;
    return std::string::npos;
  }
  return at;
}

TemplateText& TemplateText::replace(const std::string& part, const std::string& with) {
  std::size_t at = only(part);
  if (at != std::string::npos) text_.replace(at, part.size(), with);
  return *this;
}

TemplateText& TemplateText::replace_block(const std::string& first, const std::string& last,
                                          const std::string& with) {
  std::size_t at = only(first);
  std::size_t end = at == std::string::npos ? at : text_.find(last, at);
  if (end == std::string::npos && missing_.empty()) missing_ = first;
  if (end != std::string::npos) text_.replace(at, end + last.size() - at, with);
  return *this;
}

TemplateText& TemplateText::set(const std::string& key, const std::string& value) {
  std::string setting = key + " = ";
  std::size_t at = text_.find("\n" + setting);
  if (at == std::string::npos) at = text_.find("\n# " + setting);
  if (at == std::string::npos) {
    if (missing_.empty()) missing_ = key;
    return *this;
  }
  text_.replace(at + 1, text_.find('\n', at + 1) - at - 1, setting + value);
  return *this;
}

Result<std::string> TemplateText::finish() && {
  if (!missing_.empty())
    return Error{Errc::mismatch, "template: \"" + missing_ + "\" does not stand in it exactly once"};
  return std::move(text_);
}

std::string json_quoted(std::string_view text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace attest::ctl
