// field.h: reading JSON that came from elsewhere, without exceptions: a missing or mistyped field is its
// empty value.
#pragma once
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace attest::ctl {

using Json = nlohmann::json;

inline const Json& field(const Json& object, const char* key) {
  static const Json none;
  if (!object.is_object()) return none;
  auto found = object.find(key);
  return found == object.end() ? none : *found;
}
inline std::string text_of(const Json& object, const char* key) {
  const Json& value = field(object, key);
  return value.is_string() ? value.get<std::string>() : std::string();
}
inline std::int64_t number_of(const Json& object, const char* key) {
  const Json& value = field(object, key);
  return value.is_number_integer() ? value.get<std::int64_t>() : 0;
}
inline bool flag_of(const Json& object, const char* key) {
  const Json& value = field(object, key);
  return value.is_boolean() && value.get<bool>();
}
// list_of lends a list; empty where there is none.
inline const Json& list_of(const Json& object, const char* key) {
  static const Json empty = Json::array();
  const Json& value = field(object, key);
  return value.is_array() ? value : empty;
}

}  // namespace attest::ctl
