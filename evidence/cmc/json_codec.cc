#include <algorithm>
#include <nlohmann/json.hpp>

#include "evidence/cmc/codec.h"
#include "evidence/core/hex.h"

namespace attest::cmc {
namespace {

constexpr std::size_t kMaxBytes = 256 << 20;

// escaped is a JSON string as Go writes it: beside what JSON demands, <, >, & and the two line separators of Unicode.
std::string escaped(std::string_view text) {
  std::string quoted = json_quote(text);
  auto special = [](char c) { return c == '<' || c == '>' || c == '&' || c == '\xe2' || c == '\x7f'; };
  if (std::ranges::none_of(text, special)) return quoted;  // as almost all
  std::string out;
  out.reserve(quoted.size());
  for (std::size_t i = 0; i < quoted.size(); i++) {
    char c = quoted[i];
    std::string_view rest = std::string_view(quoted).substr(i, 6);
    if (c == '<' || c == '>' || c == '&') {
      out += c == '<' ? "\\u003c" : c == '>' ? "\\u003e" : "\\u0026";
    } else if (rest.starts_with("\xe2\x80\xa8") || rest.starts_with("\xe2\x80\xa9")) {
      out += rest[2] == '\xa8' ? "\\u2028" : "\\u2029";
      i += 2;
    } else if (rest == "\\u007f") {
      out += '\x7f';
      i += 5;
    } else if (c == '\\') {  // an escape is taken whole: none begins behind an escaped backslash
      out += c;
      out += quoted[++i];
    } else {
      out += c;
    }
  }
  return out;
}

// find_field finds a member by its name, in any case as Go does; fields.size() if it is none.
std::size_t find_field(Fields fields, std::string_view name) {
  auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  for (std::size_t i = 0; i < fields.size(); i++)
    if (fields[i].name == name) return i;
  for (std::size_t i = 0; i < fields.size(); i++)
    if (std::ranges::equal(fields[i].name, name, {}, lower, lower)) return i;
  return fields.size();
}

std::string dumped(const nlohmann::json& value) {
  return value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace

void JsonSource::object(Fields fields, Visit<std::size_t> member) {
  if (json_.null()) return;
  std::uint64_t seen = 0;  // the reader sees names that stand twice, but not "Type" beside "type"
  if (fields.size() > 64) return fail("a structure of more than 64 members");
  std::size_t next = 0;  // most members come in the order of their fields
  json_.object([&](std::string_view name) {
    std::size_t i = next < fields.size() && fields[next].name == name ? next : find_field(fields, name);
    next = i + 1;
    if (i == fields.size()) return json_.skip();
    if ((seen >> i & 1) != 0) return json_.fail("member \"" + std::string(fields[i].name) + "\" stands twice");
    seen |= std::uint64_t{1} << i;
    member(i);
  });
}

void JsonSource::array(Visit<> element) {
  if (json_.null()) return;
  std::size_t count = 0;
  json_.array([&] {
    if (++count > kMaxElements) return json_.fail("a list of more than 131072 elements");
    element();
  });
}

void JsonSource::text_map(Visit<std::string> entry) {
  if (json_.null()) return;
  json_.object([&](std::string_view name) { entry(std::string(name)); });
}

std::string JsonSource::text() {
  if (json_.null()) return {};
  return std::string(json_.text());
}

Bytes JsonSource::bytes() {
  if (json_.null()) return {};
  auto bytes = from_base64(json_.text(), kMaxBytes);
  if (bytes) return *std::move(bytes);
  json_.fail("not base64");
  return {};
}

Bytes JsonSource::hex() {
  if (json_.null()) return {};
  auto bytes = from_hex(json_.text(), 1 << 20);
  if (bytes) return *std::move(bytes);
  json_.fail("not hexadecimal");
  return {};
}

nlohmann::json JsonSource::free() {
  std::string_view text = json_.raw();
  if (!json_.good()) return {};
  nlohmann::json value = nlohmann::json::parse(text, nullptr, false);
  if (!value.is_discarded()) return value;
  json_.fail("not JSON");
  return {};
}

void JsonSink::text(std::string_view value) { json_.raw(escaped(value)); }
void JsonSink::bytes(View value) { json_.raw('"' + to_base64(value) + '"'); }
void JsonSink::hex(View value) { json_.raw('"' + to_hex(value) + '"'); }
void JsonSink::free(const nlohmann::json& value) { json_.raw(dumped(value)); }

void write_text(Sink& out, const Field& field, std::string_view value) {
  if (field.key == Field::kJsonOnly && out.encoding() == Encoding::cbor) return;
  out.key(field);
  out.text(value);
}

void write_some(Sink& out, const Field& field, std::string_view value) {
  if (!value.empty()) write_text(out, field, value);
}

std::unique_ptr<Sink> make_sink(Encoding encoding) {
  if (encoding == Encoding::json) return std::make_unique<JsonSink>();
  return std::make_unique<CborSink>();
}

Result<Encoding> encoding_of(View bytes) {
  std::size_t at = 0;
  while (at < bytes.size() && (bytes[at] == ' ' || bytes[at] == '\n' || bytes[at] == '\r' || bytes[at] == '\t')) at++;
  if (at < bytes.size() && bytes[at] == '{') return Encoding::json;
  if (at == 0 && !bytes.empty()) {
    unsigned major = bytes[0] >> 5;
    bool cbor_map = major == 5 || (major == 6 && bytes.size() > 1);
    if (cbor_map) return Encoding::cbor;
  }
  return Error{Errc::malformed, bytes.empty() ? "nothing at all" : "neither a JSON object nor a CBOR map"};
}

}  // namespace attest::cmc
