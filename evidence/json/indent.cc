#include "evidence/json/indent.h"

namespace attest {
namespace {

// string_end is one past the string literal that begins at `at`.
std::size_t string_end(std::string_view json, std::size_t at) {
  for (at++; at < json.size() && json[at] != '"'; at++)
    if (json[at] == '\\') at++;
  return std::min(at + 1, json.size());
}

}  // namespace

std::string json_indent(std::string_view json) {
  std::string out;
  std::size_t depth = 0;
  auto line = [&] { out.append("\n").append(4 * depth, ' '); };
  for (std::size_t at = 0; at < json.size();) {
    char c = json[at];
    if (c == '"') {
      std::size_t end = string_end(json, at);
      out += json.substr(at, end - at);
      at = end;
      continue;
    }
    at++;
    if (c == ' ' || c == '\n' || c == '\t' || c == '\r') continue;
    bool closes = c == '}' || c == ']';
    bool empty = closes && !out.empty() && (out.back() == '{' || out.back() == '[');
    if (closes && depth > 0) depth--;
    if (empty) out.resize(out.find_last_of("{[") + 1);
    if (closes && !empty) line();
    out += c;
    if (c == ':') out += ' ';
    if (c == ',') line();
    if ((c == '{' || c == '[') && at < json.size() && json[at] != '}' && json[at] != ']') {
      depth++;
      line();
    } else if (c == '{' || c == '[') {
      depth++;
    }
  }
  return out + "\n";
}

}  // namespace attest
