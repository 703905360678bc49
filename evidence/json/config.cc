#include "evidence/json/config.h"

#include <algorithm>
#include <map>
#include <set>

#include "evidence/core/file.h"
#include "evidence/core/printable.h"
#include "evidence/json/config_node.h"

namespace attest {

using config_detail::Kind;
using config_detail::Node;
using config_detail::State;

namespace {

std::string quoted(std::string_view text) { return "\"" + printable(text) + "\""; }

bool in_range(const Node& node, std::int64_t min, std::int64_t max) {
  return node.kind == Kind::integer && node.integer >= min && node.integer <= max;
}

std::string range_text(std::int64_t min, std::int64_t max) {
  return "a whole number from " + std::to_string(min) + " to " + std::to_string(max);
}

std::string list_text(const auto& names, std::string_view quote) {
  std::string out;
  for (const auto& name : names) {
    if (!out.empty()) out += ", ";
    out.append(quote).append(name).append(quote);
  }
  return out;
}

// first_unknown: the first key in file order that nobody asked for; the object it stands in.
std::pair<const Node*, const std::string*> first_unknown(const Node& node) {
  std::pair<const Node*, const std::string*> found{nullptr, nullptr};
  auto consider = [&](std::pair<const Node*, const std::string*> other) {
    if (other.first == nullptr) return;
    if (found.first == nullptr ||
        other.first->members.at(*other.second).line < found.first->members.at(*found.second).line)
      found = other;
  };
  for (const auto& [key, member] : node.members) {
    if (!node.asked.contains(key))
      consider({&node, &key});
    else
      consider(first_unknown(member));
  }
  for (const Node& item : node.items) consider(first_unknown(item));
  return found;
}

}  // namespace

bool Object::has(std::string_view key) const { return find(key) != nullptr; }

bool Object::is_string(std::string_view key) const {
  const Node* node = find(key);
  return node != nullptr && node->kind == Kind::string;
}

const Node* Object::find(std::string_view key) const {
  node_->asked.emplace(key);
  auto it = node_->members.find(key);
  return it == node_->members.end() ? nullptr : &it->second;
}

const Node* Object::typed(std::string_view key, int kind, std::string_view wanted, bool required) const {
  const Node* node = find(key);
  if (node == nullptr) {
    if (required) state_->record(node_->line, quoted(key) + " is missing; it must be " + std::string(wanted));
    return nullptr;
  }
  if (static_cast<int>(node->kind) == kind) return node;
  state_->record(node->line, quoted(key) + " must be " + std::string(wanted));
  return nullptr;
}

std::string Object::string(std::string_view key) const {
  const Node* node = typed(key, static_cast<int>(Kind::string), "a string", true);
  return node == nullptr ? std::string() : node->text;
}

std::string Object::string(std::string_view key, std::string_view fallback) const {
  const Node* node = typed(key, static_cast<int>(Kind::string), "a string", false);
  return node == nullptr ? std::string(fallback) : node->text;
}

std::string Object::choice(std::string_view key, std::initializer_list<std::string_view> allowed,
                           std::string_view fallback) const {
  const Node* node = find(key);
  if (node == nullptr) return std::string(fallback);
  if (node->kind == Kind::string && std::ranges::find(allowed, node->text) != allowed.end())
    return node->text;
  state_->record(node->line, quoted(key) + " must be one of " + list_text(allowed, "\""));
  return {};
}

bool Object::boolean(std::string_view key, bool fallback) const {
  const Node* node = typed(key, static_cast<int>(Kind::boolean), "true or false", false);
  return node == nullptr ? fallback : node->boolean;
}

std::int64_t Object::integer(std::string_view key, std::int64_t min, std::int64_t max) const {
  if (!has(key)) {
    state_->record(node_->line, quoted(key) + " is missing; it must be " + range_text(min, max));
    return min;
  }
  return integer(key, min, max, min);
}

std::int64_t Object::integer(std::string_view key, std::int64_t min, std::int64_t max,
                             std::int64_t fallback) const {
  const Node* node = find(key);
  if (node == nullptr) return fallback;
  if (in_range(*node, min, max)) return node->integer;
  state_->record(node->line, quoted(key) + " must be " + range_text(min, max));
  return fallback;
}

std::vector<std::string> Object::strings(std::string_view key, std::vector<std::string> fallback) const {
  const Node* node = typed(key, static_cast<int>(Kind::list), "a list of strings", false);
  if (node == nullptr) return fallback;
  std::vector<std::string> out;
  for (const Node& item : node->items) {
    if (item.kind == Kind::string)
      out.push_back(item.text);
    else
      state_->record(item.line, quoted(key) + " must be a list of strings");
  }
  return out;
}

std::vector<std::int64_t> Object::integers(std::string_view key, std::int64_t min, std::int64_t max,
                                           std::vector<std::int64_t> fallback) const {
  const Node* node = typed(key, static_cast<int>(Kind::list), "a list of whole numbers", false);
  if (node == nullptr) return fallback;
  std::vector<std::int64_t> out;
  for (const Node& item : node->items) {
    if (in_range(item, min, max))
      out.push_back(item.integer);
    else
      state_->record(item.line, quoted(key) + " must be a list, each " + range_text(min, max));
  }
  return out;
}

std::optional<Object> Object::object(std::string_view key) const {
  const Node* node = typed(key, static_cast<int>(Kind::object), "an object { }", false);
  if (node == nullptr) return std::nullopt;
  return Object(node, state_);
}

std::vector<Object> Object::objects(std::string_view key) const {
  const Node* node = typed(key, static_cast<int>(Kind::list), "a list of objects [ { } ]", false);
  std::vector<Object> out;
  if (node == nullptr) return out;
  for (const Node& item : node->items) {
    if (item.kind == Kind::object)
      out.push_back(Object(&item, state_));
    else
      state_->record(item.line, quoted(key) + " must be a list of objects [ { } ]");
  }
  return out;
}

std::vector<std::string> Object::keys() const {
  std::vector<std::pair<std::size_t, std::string>> ordered;
  for (const auto& [key, member] : node_->members) ordered.emplace_back(member.position, key);
  std::ranges::sort(ordered);
  std::vector<std::string> out;
  for (auto& [position, key] : ordered) out.push_back(std::move(key));
  return out;
}

void Object::fail(std::string_view key, std::string_view text) const {
  const Node* node = find(key);
  state_->record(node == nullptr ? node_->line : node->line, quoted(key) + " " + std::string(text));
}

std::string Object::where(std::string_view key) const {
  auto it = node_->members.find(key);
  return state_->name + ":" + std::to_string(it == node_->members.end() ? node_->line : it->second.line);
}

ConfigFile::ConfigFile(std::unique_ptr<State> state) : state_(std::move(state)) {}
ConfigFile::ConfigFile(ConfigFile&&) noexcept = default;
ConfigFile& ConfigFile::operator=(ConfigFile&&) noexcept = default;
ConfigFile::~ConfigFile() = default;

Object ConfigFile::root() const { return Object(&state_->root, state_.get()); }
View ConfigFile::bytes() const { return as_view(state_->text); }

Status ConfigFile::finish() const {
  if (state_->error) return *state_->error;
  auto [node, key] = first_unknown(state_->root);
  if (node == nullptr) return ok();
  state_->record(node->members.at(*key).line,
                 "unknown key " + quoted(*key) + " (known keys: " + list_text(node->asked, "") + ")");
  return *state_->error;
}

Result<ConfigFile> parse_config(std::string_view text, std::string_view name) {
  auto state = std::make_unique<State>();
  state->name = name;
  state->text = text;
  if (text.size() > kMaxConfigBytes) {
    state->record(1, "more than " + std::to_string(kMaxConfigBytes) + " bytes");
    return *state->error;
  }
  config_detail::parse_into(*state);
  if (state->error) return *state->error;
  return ConfigFile(std::move(state));
}

Result<ConfigFile> read_config(const std::string& path) {
  TRY(Bytes bytes, read_file(path, kMaxConfigBytes));
  return parse_config(as_text(bytes), path);
}

}  // namespace attest
