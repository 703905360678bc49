#include "evidence/http/head.h"

#include <algorithm>
#include <charconv>

#include "evidence/core/printable.h"

namespace attest::http {
namespace {

constexpr std::string_view kEnd = "\r\n\r\n";

Error bad(std::string_view what, std::string_view text = {}) {
  return {Errc::malformed, "http: " + std::string(what) + (text.empty() ? "" : " \"" + printable(text, 60) + "\"")};
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

bool same(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) { return lower(x) == lower(y); });
}

bool is_token(std::string_view text) {
  constexpr std::string_view kOthers = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::ranges::all_of(text, [&](char c) {
    return (lower(c) >= 'a' && lower(c) <= 'z') || (c >= '0' && c <= '9') || kOthers.find(c) != kOthers.npos;
  });
}

bool is_visible(std::string_view text, bool spaces) {
  return std::ranges::all_of(text, [&](char c) {
    auto byte = static_cast<unsigned char>(c);
    return byte > 0x20 ? byte != 0x7f : spaces && (c == ' ' || c == '\t');
  });
}

std::string_view trimmed(std::string_view text) {
  auto blank = [](char c) { return c == ' ' || c == '\t'; };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

// cut takes what stands before the separator, and the separator, from text; all of it where there is none.
std::string_view cut(std::string_view& text, std::string_view separator) {
  std::size_t at = text.find(separator);
  std::string_view out = text.substr(0, at);
  text = at == text.npos ? std::string_view{} : text.substr(at + separator.size());
  return out;
}

Result<int> minor_of(std::string_view version) {
  if (version == "HTTP/1.1") return 1;
  if (version == "HTTP/1.0") return 0;
  return bad("version", version);
}

Status read_fields(std::string_view text, Head& out) {
  while (!text.empty()) {
    std::string_view line = cut(text, "\r\n");
    std::size_t colon = line.find(':');
    if (colon == line.npos) return bad("a field without a colon");  // what it says may be a secret
    if (!is_token(line.substr(0, colon))) return bad("field", line.substr(0, colon));
    std::string_view value = trimmed(line.substr(colon + 1));
    if (!is_visible(value, true)) return bad("value of", line.substr(0, colon));
    if (out.fields.size() == kMaxFields) return Error{Errc::denied, "http: more than 128 fields"};
    out.fields.push_back({std::string(line.substr(0, colon)), std::string(value)});
  }
  return ok();
}

// split_head checks the bounds and gives the first line and the field lines.
Status split_head(View head, std::string_view& first, std::string_view& fields) {
  if (head.size() > kMaxHead) return Error{Errc::denied, "http: a head of more than 64 KiB"};
  std::string_view text = as_text(head);
  if (!text.ends_with(kEnd) || text.find(kEnd) != text.size() - kEnd.size()) return bad("a head without its end");
  fields = text.substr(0, text.size() - 2);
  first = cut(fields, "\r\n");
  return ok();
}

void write_fields(std::string& out, const Head& head) {
  for (const Field& field : head.fields) out += field.name + ": " + field.value + "\r\n";
  out += "\r\n";
}

Result<std::optional<std::uint64_t>> content_length(const Head& head) {
  std::optional<std::uint64_t> length;
  for (const Field& field : head.fields) {
    if (!same(field.name, "Content-Length")) continue;
    std::uint64_t value = 0;
    const char* end = field.value.data() + field.value.size();
    auto [at, error] = std::from_chars(field.value.data(), end, value);
    if (error != std::errc{} || at != end) return bad("Content-Length", field.value);
    if (length && *length != value) return bad("two lengths of one body");
    length = value;
  }
  return length;
}

// framing is the body of a message that may have one; fallback where it says nothing.
Result<Body> framing(const Head& head, Body::Kind fallback) {
  TRY(std::optional<std::uint64_t> length, content_length(head));
  const std::string* coding = head.find("Transfer-Encoding");
  if (coding != nullptr) {
    auto codings = std::ranges::count_if(head.fields, [](const Field& f) { return same(f.name, "Transfer-Encoding"); });
    if (length || codings != 1 || !same(*coding, "chunked") || head.minor == 0) return bad("Transfer-Encoding", *coding);
    return Body{Body::Kind::chunked, 0};
  }
  if (length) return Body{*length == 0 ? Body::Kind::none : Body::Kind::length, *length};
  return Body{fallback, 0};
}

bool is_port(std::string_view text) {
  std::uint32_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size() && value >= 1 && value <= 65535 && text.size() <= 5;
}

bool is_host(std::string_view text) {
  return !text.empty() && text.size() <= 255 && std::ranges::all_of(text, [](char c) {
    return (lower(c) >= 'a' && lower(c) <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_' || c == ':';
  });
}

}  // namespace

const std::string* Head::find(std::string_view name) const {
  for (const Field& field : fields)
    if (same(field.name, name)) return &field.value;
  return nullptr;
}

bool Head::lists(std::string_view name, std::string_view token) const {
  for (const Field& field : fields) {
    if (!same(field.name, name)) continue;
    for (std::string_view rest = field.value; !rest.empty();)
      if (same(trimmed(cut(rest, ",")), token)) return true;
  }
  return false;
}

void Head::set(std::string_view name, std::string_view value) {
  remove(name);
  fields.push_back({std::string(name), std::string(value)});
}

void Head::remove(std::string_view name) {
  std::erase_if(fields, [&](const Field& field) { return same(field.name, name); });
}

std::optional<std::size_t> head_size(View so_far) {
  std::size_t at = as_text(so_far).find(kEnd);
  if (at == std::string_view::npos) return std::nullopt;
  return at + kEnd.size();
}

Result<Head> parse_request(View bytes) {
  std::string_view line, fields;
  CHECK_OK(split_head(bytes, line, fields));
  Head out;
  std::string_view rest = line;
  out.method = cut(rest, " ");
  out.target = cut(rest, " ");
  if (!is_token(out.method) || out.target.empty() || !is_visible(out.target, false)) return bad("request line", line);
  TRY(out.minor, minor_of(rest));
  CHECK_OK(read_fields(fields, out));
  return out;
}

Result<Head> parse_response(View bytes) {
  std::string_view line, fields;
  CHECK_OK(split_head(bytes, line, fields));
  Head out;
  std::string_view rest = line;
  TRY(out.minor, minor_of(cut(rest, " ")));
  std::string_view status = cut(rest, " ");
  auto [end, error] = std::from_chars(status.data(), status.data() + status.size(), out.status);
  if (error != std::errc{} || end != status.data() + status.size() || status.size() != 3 || out.status < 100)
    return bad("status line", line);
  if (!is_visible(rest, true)) return bad("status line", line);
  out.reason = rest;
  CHECK_OK(read_fields(fields, out));
  return out;
}

std::string write_request(const Head& head) {
  std::string out = head.method + " " + head.target + " HTTP/1." + std::to_string(head.minor) + "\r\n";
  write_fields(out, head);
  return out;
}

std::string write_response(const Head& head) {
  std::string out = "HTTP/1." + std::to_string(head.minor) + " " + std::to_string(head.status) + " " + head.reason + "\r\n";
  write_fields(out, head);
  return out;
}

Result<Body> request_body(const Head& head) { return framing(head, Body::Kind::none); }

Result<Body> response_body(const Head& head, std::string_view method) {
  if (method == "HEAD" || head.status < 200 || head.status == 204 || head.status == 304) return Body{};
  return framing(head, Body::Kind::until_close);
}

Result<std::uint64_t> parse_chunk_size(std::string_view line) {
  std::string_view digits = trimmed(line.substr(0, line.find(';')));
  std::uint64_t size = 0;
  auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), size, 16);
  if (error != std::errc{} || end != digits.data() + digits.size() || size > (std::uint64_t{1} << 62))
    return bad("size of a chunk", line);
  return size;
}

Result<Target> parse_authority(std::string_view text, std::string_view default_port) {
  Target out;
  std::string_view whole = text;
  if (text.starts_with('[')) {
    text.remove_prefix(1);
    if (text.find(']') == text.npos) return bad("address", whole);
    out.host = cut(text, "]");
    if (!text.empty() && !text.starts_with(':')) return bad("address", whole);
  } else {
    out.host = text.substr(0, text.find(':'));
    text.remove_prefix(out.host.size());
  }
  out.port = text.empty() ? default_port : text.substr(1);
  if (!is_host(out.host) || !is_port(out.port)) return bad("address", whole);
  return out;
}

Result<Target> parse_url(std::string_view url) {
  std::string_view rest = url;
  bool https = rest.starts_with("https://");
  if (!https && !rest.starts_with("http://")) return bad("URL", url);
  rest.remove_prefix(https ? 8 : 7);
  std::size_t slash = rest.find_first_of("/?#");
  TRY(Target out, parse_authority(rest.substr(0, slash), https ? "443" : "80"));
  std::string_view path = slash == rest.npos ? "" : rest.substr(slash);
  path = path.substr(0, path.find('#'));
  if (!is_visible(path, false)) return bad("URL", url);
  out.path = (path.starts_with('/') ? "" : "/") + std::string(path);
  return out;
}

void remove_hop_by_hop(Head& head) {
  std::vector<std::string> names = {"Connection",          "Keep-Alive", "Proxy-Connection", "Proxy-Authenticate",
                                    "Proxy-Authorization", "TE",         "Trailer",          "Upgrade"};
  for (const Field& field : head.fields) {
    if (!same(field.name, "Connection")) continue;
    for (std::string_view rest = field.value; !rest.empty();) names.emplace_back(trimmed(cut(rest, ",")));
  }
  for (const std::string& name : names)
    if (!same(name, "Transfer-Encoding") && !same(name, "Content-Length") && !same(name, "Host")) head.remove(name);
}

}  // namespace attest::http
