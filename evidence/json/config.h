// config.h: configuration files: JSON with comments, where every mistake is named by file and line.
#pragma once
#include <initializer_list>
#include <memory>
#include <optional>

#include "evidence/core/bytes.h"

namespace attest {

namespace config_detail {
struct Node;
struct State;
}  // namespace config_detail

// Object is a view of one { } of a configuration file. Like Reader it fails sticky: a getter that finds the
// wrong thing records the first error of the file and yields its fallback (or an empty value), and finish()
// of the file returns it. Asking for a key makes it known. A view lives as long as its ConfigFile.
class Object {
 public:
  // has: the key stands in the file (and is known from now on).
  bool has(std::string_view key) const;
  // is_string: the key stands in the file as a string, for values that may be a name or a number.
  bool is_string(std::string_view key) const;
  // Getters without a fallback demand the key.
  std::string string(std::string_view key) const;
  std::string string(std::string_view key, std::string_view fallback) const;
  // choice is a string that must be one of `allowed`; an empty result means an error was recorded.
  std::string choice(std::string_view key, std::initializer_list<std::string_view> allowed,
                     std::string_view fallback) const;
  bool boolean(std::string_view key, bool fallback) const;
  std::int64_t integer(std::string_view key, std::int64_t min, std::int64_t max) const;
  std::int64_t integer(std::string_view key, std::int64_t min, std::int64_t max, std::int64_t fallback) const;
  std::vector<std::string> strings(std::string_view key, std::vector<std::string> fallback = {}) const;
  std::vector<std::int64_t> integers(std::string_view key, std::int64_t min, std::int64_t max,
                                     std::vector<std::int64_t> fallback = {}) const;
  std::optional<Object> object(std::string_view key) const;  // nullopt: absent or not an object
  std::vector<Object> objects(std::string_view key) const;   // empty: absent or not a list of objects
  // keys in the order of the file, for objects whose keys are names; each still has to be asked for.
  std::vector<std::string> keys() const;
  // fail records `"key" must be …` at the key's line; text is what follows the quoted key: "must be an
  // absolute path".
  void fail(std::string_view key, std::string_view text) const;
  // where is "file:line" of a key, of the object itself if the key is absent.
  std::string where(std::string_view key) const;

 private:
  friend class ConfigFile;
  Object(const config_detail::Node* node, config_detail::State* state) : node_(node), state_(state) {}
  const config_detail::Node* find(std::string_view key) const;
  const config_detail::Node* demand(std::string_view key) const;
  const config_detail::Node* typed(std::string_view key, int kind, std::string_view wanted,
                                   bool required) const;
  const config_detail::Node* node_;
  config_detail::State* state_;
};

// ConfigFile owns a parsed file.
class ConfigFile {
 public:
  ConfigFile(ConfigFile&&) noexcept;
  ConfigFile& operator=(ConfigFile&&) noexcept;
  ~ConfigFile();
  Object root() const;
  // finish returns the first recorded error, else names the first key that nobody asked for, with the known
  // keys. It covers every object in the file: one call at the end is enough.
  Status finish() const;
  View bytes() const;  // the file as read, e.g. to hash it

 private:
  friend Result<ConfigFile> parse_config(std::string_view text, std::string_view name);
  explicit ConfigFile(std::unique_ptr<config_detail::State> state);
  std::unique_ptr<config_detail::State> state_;
};

constexpr std::size_t kMaxConfigBytes = 16 << 20;

// read_config reads a file of at most 16 MiB: UTF-8, nesting at most 32, 262,144 values, an object at the
// top, no key twice. io if it cannot be read, else malformed with "file:line: …".
Result<ConfigFile> read_config(const std::string& path);
// parse_config is the same for a text that has been read; name stands for the file in errors.
Result<ConfigFile> parse_config(std::string_view text, std::string_view name);

}  // namespace attest
