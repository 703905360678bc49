#include "evidence/container/rules.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "evidence/core/hex.h"
#include "evidence/core/printable.h"

namespace attest::container {
namespace {

constexpr int kMaxDepth = 32;

Error differs(const std::string& path, std::string_view why) {
  return {Errc::mismatch, "configuration of a container: " + printable(path.empty() ? "/" : path, 120) + ": " + std::string(why)};
}

std::string text_of(const Json* rule) { return rule != nullptr && rule->is_string() ? rule->get<std::string>() : ""; }

const Json* member(const Json& object, const std::string& name) {
  if (!object.is_object()) return nullptr;
  auto found = object.find(name);
  return found == object.end() ? nullptr : &*found;
}

Status match(const Json& reference, const Json& measured, const Json* rule, const std::string& path, int depth);

// Variables are the names a rule on lists of K=VALUE gives, with the value that is due; "*" is any.
using Variables = std::map<std::string, std::string>;

std::optional<Variables> read_variables(std::string_view text) {
  Variables out;
  while (!text.empty()) {
    std::size_t end = std::min(text.find(','), text.size()), sign = text.substr(0, end).find('=');
    if (sign == text.npos || sign == 0) return std::nullopt;
    out[std::string(text.substr(0, sign))] = text.substr(sign + 1, end - sign - 1);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

// ListRule is "replace:…;additional:…", either part alone, in any order.
struct ListRule {
  Variables replace, additional;
};
std::optional<ListRule> read_list_rule(std::string_view text) {
  constexpr std::string_view kReplace = "replace:", kAdditional = "additional:";
  ListRule out;
  while (!text.empty()) {
    std::string_view part = text.substr(0, text.find(';'));
    bool replace = part.starts_with(kReplace);
    if (!replace && !part.starts_with(kAdditional)) return std::nullopt;
    auto variables = read_variables(part.substr(replace ? kReplace.size() : kAdditional.size()));
    if (!variables) return std::nullopt;
    (replace ? out.replace : out.additional) = *std::move(variables);
    text.remove_prefix(std::min(part.size() + 1, text.size()));
  }
  return out;
}

std::string name_of(const std::string& entry) { return entry.substr(0, entry.find('=')); }
std::string value_of(const std::string& entry) {
  std::size_t sign = entry.find('=');
  return sign == std::string::npos ? "" : entry.substr(sign + 1);
}

// allowed: a value as a rule has it, or its digest where digests were measured.
bool allowed(const Variables& variables, const std::string& entry) {
  auto rule = variables.find(name_of(entry));
  if (rule == variables.end() || entry.find('=') == std::string::npos) return false;
  std::string value = value_of(entry);
  return rule->second == "*" || value == rule->second || value == "sha256:" + to_hex(sha256(as_view(rule->second)).view());
}

bool all_texts(const Json& list) {
  return list.is_array() && std::ranges::all_of(list, [](const Json& entry) { return entry.is_string(); });
}

Status match_list(const Json& reference, const Json& measured, const ListRule& rule, const std::string& path) {
  if (!all_texts(reference) || !all_texts(measured)) return differs(path, "no list of texts");
  auto due = reference.get<std::vector<std::string>>(), left = measured.get<std::vector<std::string>>();
  std::map<std::string, std::string> known;
  for (const std::string& entry : due) known.emplace(name_of(entry), entry);
  std::erase_if(left, [&](const std::string& entry) { return !known.contains(name_of(entry)) && allowed(rule.additional, entry); });
  for (std::string& entry : left) {
    auto held = known.find(name_of(entry));
    if (held != known.end() && allowed(rule.replace, entry)) entry = held->second;
  }
  std::ranges::sort(due);
  std::ranges::sort(left);
  return due == left ? ok() : Status(differs(path, "variables that no rule allows"));
}

Status match_subset(const Json& reference, const Json& measured, const std::string& path) {
  if (!reference.is_array() || !measured.is_array()) return differs(path, "no list");
  for (const Json& element : measured)
    if (std::ranges::find(reference, element) == reference.end()) return differs(path, "an element that the reference does not have");
  return ok();
}

// match_absent: the measurement does not have what the reference has, or the other way round.
Status match_absent(const Json* reference, const Json* measured, const Json* rule, const std::string& path) {
  std::string text = text_of(rule);
  if (measured == nullptr) return text == "optional" || text == "modifiable" ? ok() : Status(differs(path, "is missing"));
  constexpr std::string_view kAdditional = "additional";
  bool any = text == kAdditional, exactly = text.starts_with("additional:") && measured->is_string() &&
                                            measured->get_ref<const std::string&>() == text.substr(kAdditional.size() + 1);
  return reference == nullptr && (any || exactly) ? ok() : Status(differs(path, "is not in the reference"));
}

Status match_object(const Json& reference, const Json& measured, const Json& rules, const std::string& path, int depth) {
  if (!reference.is_object() || !measured.is_object()) return differs(path, "no object");
  std::set<std::string> names;
  for (const Json* object : {&reference, &measured})
    for (const auto& [name, value] : object->items()) names.insert(name);
  for (const std::string& name : names) {
    const Json *due = member(reference, name), *found = member(measured, name), *rule = member(rules, name);
    std::string below = path + "/" + name;
    if (due == nullptr || found == nullptr)
      CHECK_OK(match_absent(due, found, rule, below));
    else
      CHECK_OK(match(*due, *found, rule, below, depth + 1));
  }
  return ok();
}

Status match_elements(const Json& reference, const Json& measured, const Json& rules, const std::string& path, int depth) {
  if (!reference.is_array() || !measured.is_array() || reference.size() != measured.size())
    return differs(path, "no list of as many elements as the reference's");
  for (std::size_t i = 0; i < reference.size(); i++)
    CHECK_OK(match(reference[i], measured[i], i < rules.size() ? &rules[i] : nullptr, path + "/" + std::to_string(i), depth + 1));
  return ok();
}

Status match(const Json& reference, const Json& measured, const Json* rule, const std::string& path, int depth) {
  if (depth > kMaxDepth) return differs(path, "nested too deep");
  if (rule != nullptr && rule->is_object()) return match_object(reference, measured, *rule, path, depth);
  if (rule != nullptr && rule->is_array()) return match_elements(reference, measured, *rule, path, depth);
  std::string text = text_of(rule);
  if (text == "modifiable") return ok();
  if (text == "subset") return match_subset(reference, measured, path);
  if (text.starts_with("replace:") || (text.starts_with("additional:") && reference.is_array())) {
    auto list = read_list_rule(text);
    return list ? match_list(reference, measured, *list, path) : Status(differs(path, "a rule that is none"));
  }
  return reference == measured ? ok() : Status(differs(path, "differs"));
}

}  // namespace

Status match_rules(const Json& reference, const Json& measured, const Json& rules) {
  if (!rules.is_object()) return differs("", "rules that are none");
  return match(reference, measured, &rules, "", 0);
}

}  // namespace attest::container
