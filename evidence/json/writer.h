// writer.h: JSON out, without a document tree.
#pragma once
#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

namespace attest {

// json_quote: a JSON string literal. Control characters are escaped; bytes that are not UTF-8 become '?'.
std::string json_quote(std::string_view text);

// JsonWriter appends one JSON value on one line. Keys are given before their values; commas are its business.
// The caller closes what it opened.
class JsonWriter {
 public:
  JsonWriter& object() { return open('{'); }
  JsonWriter& end_object() { return close('}'); }
  JsonWriter& array() { return open('['); }
  JsonWriter& end_array() { return close(']'); }
  JsonWriter& key(std::string_view name);
  JsonWriter& text(std::string_view value);
  JsonWriter& number(std::integral auto value) { return raw(std::to_string(value)); }
  JsonWriter& boolean(bool value);
  JsonWriter& null();
  // raw appends a value that is JSON already.
  JsonWriter& raw(std::string_view json);
  // field: a key and its value.
  JsonWriter& field(std::string_view name, std::string_view value) { return key(name).text(value); }
  JsonWriter& field(std::string_view name, const char* value) { return key(name).text(value); }
  JsonWriter& field(std::string_view name, const std::string& value) { return key(name).text(value); }
  JsonWriter& field(std::string_view name, std::integral auto value) {
    if constexpr (std::same_as<decltype(value), bool>)
      return key(name).boolean(value);
    else
      return key(name).number(value);
  }
  const std::string& so_far() const { return out_; }
  std::string finish() && { return std::move(out_); }

 private:
  JsonWriter& open(char bracket);
  JsonWriter& close(char bracket);
  void separate();
  std::string out_;
  bool first_ = true;  // no comma before the next value
};

}  // namespace attest
