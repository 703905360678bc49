#include "evidence/json/canonical.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>

#include "evidence/json/reader.h"

namespace attest {
namespace {

using nlohmann::json;

constexpr int kMaxDepth = 64;
constexpr std::size_t kMaxText = 4 << 20;

// utf16 of valid UTF-8: what the RFC sorts by. It differs from the order of bytes above U+FFFF.
std::u16string utf16(std::string_view text) {
  std::u16string out;
  for (std::size_t i = 0; i < text.size();) {
    auto first = static_cast<unsigned char>(text[i]);
    std::size_t size = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    std::uint32_t code = size == 1 ? first : first & (0x7fU >> size);
    for (std::size_t k = 1; k < size && i + k < text.size(); k++)
      code = code << 6 | (static_cast<unsigned char>(text[i + k]) & 0x3fU);
    i += size;
    if (code < 0x10000) {
      out += static_cast<char16_t>(code);
    } else {
      out += static_cast<char16_t>(0xd800 + ((code - 0x10000) >> 10));
      out += static_cast<char16_t>(0xdc00 + ((code - 0x10000) & 0x3ff));
    }
  }
  return out;
}

void write_text(std::string& out, std::string_view text) {
  static constexpr char kDigits[] = "0123456789abcdef";
  static constexpr std::string_view kShort = "\b\t\n\f\r\"\\", kNames = "btnfr\"\\";
  out += '"';
  for (char c : text) {
    auto byte = static_cast<unsigned char>(c);
    if (std::size_t at = kShort.find(c); at != std::string_view::npos)
      (out += '\\') += kNames[at];
    else if (byte < 0x20)
      ((out += "\\u00") += kDigits[byte >> 4]) += kDigits[byte & 15];
    else
      out += c;
  }
  out += '"';
}

Status write_value(std::string& out, const json& value, int depth);

Status write_object(std::string& out, const json& value, int depth) {
  std::vector<std::pair<std::u16string, const std::string*>> names;
  for (const auto& [name, member] : value.items()) names.emplace_back(utf16(name), &name);
  std::ranges::sort(names, {}, [](const auto& name) -> const std::u16string& { return name.first; });
  out += '{';
  for (std::size_t i = 0; i < names.size(); i++) {
    if (i > 0) out += ',';
    write_text(out, *names[i].second);
    out += ':';
    CHECK_OK(write_value(out, value.at(*names[i].second), depth + 1));
  }
  out += '}';
  return ok();
}

Status write_array(std::string& out, const json& value, int depth) {
  out += '[';
  for (std::size_t i = 0; i < value.size(); i++) {
    if (i > 0) out += ',';
    CHECK_OK(write_value(out, value[i], depth + 1));
  }
  out += ']';
  return ok();
}

Status write_value(std::string& out, const json& value, int depth) {
  if (depth > kMaxDepth) return Error{Errc::malformed, "canonical JSON: more than 64 levels"};
  if (value.is_object()) return write_object(out, value, depth);
  if (value.is_array()) return write_array(out, value, depth);
  if (value.is_string()) {
    write_text(out, value.get_ref<const std::string&>());
  } else if (value.is_boolean()) {
    out += value.get<bool>() ? "true" : "false";
  } else if (value.is_null()) {
    out += "null";
  } else if (value.is_number() && std::isfinite(value.get<double>())) {
    out += ecmascript_number(value.get<double>());
  } else {
    return Error{Errc::malformed, "canonical JSON: a value that JSON does not have"};
  }
  return ok();
}

}  // namespace

std::string ecmascript_number(double value) {
  if (value == 0) return "0";
  if (value < 0) return "-" + ecmascript_number(-value);
  char buffer[32];
  auto end = std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::scientific).ptr;
  std::string_view text(buffer, static_cast<std::size_t>(end - buffer));
  std::size_t e = text.find('e');
  int exponent = 0;
  std::size_t from = e + (text[e + 1] == '+' ? 2 : 1);
  std::from_chars(text.data() + from, end, exponent);
  std::string digits(1, text[0]);
  if (e > 2) digits += text.substr(2, e - 2);
  int point = exponent + 1;  // digits before the decimal point
  int count = static_cast<int>(digits.size());
  if (point > 21 || point < -5) {
    std::string out = digits.substr(0, 1) + (count > 1 ? "." + digits.substr(1) : "") + "e";
    return out + (exponent < 0 ? "-" : "+") + std::to_string(std::abs(exponent));
  }
  if (point <= 0) return "0." + std::string(static_cast<std::size_t>(-point), '0') + digits;
  if (point >= count) return digits + std::string(static_cast<std::size_t>(point - count), '0');
  return digits.insert(static_cast<std::size_t>(point), ".");
}

Result<std::string> canonical_json(const json& value) {
  std::string out;
  CHECK_OK(write_value(out, value, 0));
  return out;
}

Result<json> read_strict_json(View text) {
  if (text.size() > kMaxText) return Error{Errc::malformed, "JSON of more than 4 MiB"};
  JsonReader reader(as_text(text));
  reader.skip();
  CHECK_OK(reader.done("JSON"));
  json value = json::parse(text.begin(), text.end(), nullptr, false);
  if (value.is_discarded()) return Error{Errc::malformed, "JSON: not well formed"};
  return value;
}

}  // namespace attest
