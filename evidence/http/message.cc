#include "evidence/http/message.h"

#include <algorithm>
#include <charconv>

#include "evidence/http/head.h"

namespace attest::http {
namespace {

constexpr std::size_t kMaxUrl = 2048, kMaxLine = 4096, kMaxTrailers = 64;

Error bad(std::string what) { return {Errc::malformed, "http: " + std::move(what)}; }

bool printable_ascii(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7f; });
}

bool digits(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

template <class T>
bool whole_number(std::string_view text, T& out) {
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return !text.empty() && error == std::errc() && end == text.data() + text.size();
}

}  // namespace

bool Url::local() const { return host == "localhost" || host == "::1" || (host.starts_with("127.") && digits(host.substr(host.rfind('.') + 1))); }

std::string Url::authority() const {
  std::string name = host.find(':') == std::string::npos ? host : "[" + host + "]";
  return port == (tls ? "443" : "80") ? name : name + ":" + port;
}

Result<Url> read_url(std::string_view text) {
  Url url;
  if (text.size() > kMaxUrl || !printable_ascii(text)) return bad("a URL of at most 2048 printable characters is due");
  std::size_t colon = text.find("://");
  std::string scheme = lower(text.substr(0, colon));
  if (colon == text.npos || (scheme != "http" && scheme != "https")) return bad("no URL of http or https");
  url.tls = scheme == "https";
  std::string_view rest = text.substr(colon + 3);
  std::size_t slash = std::min(rest.find_first_of("/?#"), rest.size());
  auto target = parse_authority(rest.substr(0, slash), url.tls ? "443" : "80");
  std::uint16_t port = 0;
  if (!target || !whole_number(target->port, port)) return bad("a URL needs HOST or HOST:PORT and nothing else before its path");
  url.host = std::move(target->host);
  url.port = std::to_string(port);
  url.path = rest.substr(slash);
  if (url.path.find('#') != std::string::npos) return bad("a URL with a fragment");
  if (!url.path.starts_with('/')) url.path = "/" + url.path;
  return url;
}

Result<Url> join(const Url& folder, std::string_view name) {
  std::string_view part = name.ends_with('/') ? name.substr(0, name.size() - 1) : name;
  bool plain = !part.empty() && part != "." && part != ".." && printable_ascii(part) && part.find_first_of("/\\?#:\"<>") == part.npos;
  std::string small = lower(part);  // encoded dots and slashes lead elsewhere too
  if (!plain || small.find("%2e") != std::string::npos || small.find("%2f") != std::string::npos || small.find("%5c") != std::string::npos)
    return Error{Errc::denied, "http: a name in a listing that leads elsewhere"};
  Url out = folder;
  if (!out.path.ends_with('/')) out.path += '/';
  out.path += name;
  if (out.path.size() > kMaxUrl) return bad("a path of more than 2048 characters");
  return out;
}

std::string encode_request(const Url& url, const Request& request) {
  std::string out = request.method + " " + url.path + " HTTP/1.1\r\nHost: " + url.authority() +
                    "\r\nUser-Agent: attest-provider\r\nAccept: */*\r\nConnection: close\r\n";
  if (!request.authorization.empty()) out += "Authorization: " + request.authorization + "\r\n";
  if (!request.content_type.empty())
    out += "Content-Type: " + request.content_type + "\r\nContent-Length: " + std::to_string(request.body.size()) + "\r\n";
  return out + "\r\n" + request.body;
}

Status Chunks::line(std::string_view text) {
  switch (state_) {
    case State::size: {
      TRY(left_, parse_chunk_size(text));
      state_ = left_ == 0 ? State::trailer : State::content;
      return ok();
    }
    case State::end_of_content:
      state_ = State::size;
      return text.empty() ? ok() : Status(bad("a chunk longer than it says"));
    default:
      if (text.empty()) state_ = State::done;
      return ++trailers_ <= kMaxTrailers + 1 ? ok() : Status(bad("more than 64 trailers"));
  }
}

Result<std::string_view> Chunks::next(std::string_view& more) {
  while (!more.empty() && !whole()) {
    if (state_ == State::content) {
      std::string_view piece = more.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(left_, more.size())));
      more.remove_prefix(piece.size());
      left_ -= piece.size();
      if (left_ == 0) state_ = State::end_of_content;
      return piece;
    }
    std::string_view part = more.substr(0, std::min(more.find('\n'), more.size() - 1) + 1);
    if (pending_.size() + part.size() > kMaxLine) return bad("a line of more than 4 KiB in a chunked body");
    pending_ += part;
    more.remove_prefix(part.size());
    if (!pending_.ends_with('\n')) break;
    if (!pending_.ends_with("\r\n")) return bad("a line in a chunked body without CR");
    std::string whole_line = std::exchange(pending_, {});
    CHECK_OK(line(std::string_view(whole_line).substr(0, whole_line.size() - 2)));
  }
  return std::string_view();
}

}  // namespace attest::http
