#include <algorithm>
#include <optional>

#include "evidence/http/listing.h"
#include "evidence/http/message.h"

namespace {

// dechunked feeds at most `step` bytes at a time: the content, and what is left behind the body (all where it is not whole).
std::optional<std::pair<std::string, std::string>> dechunked(std::string_view text, std::size_t step) {
  attest::http::Chunks chunks;
  std::string content;
  std::size_t at = 0;
  while (at < text.size() && !chunks.whole()) {
    std::string_view more = text.substr(at, step), rest = more;
    auto piece = chunks.next(rest);
    if (!piece) return std::nullopt;
    if (piece->empty() && !rest.empty() && !chunks.whole()) __builtin_trap();
    content += *piece;
    at += more.size() - rest.size();
  }
  return std::pair(std::move(content), std::string(chunks.whole() ? text.substr(at) : text));
}

}  // namespace

// The first byte chooses what is read. A URL that was read and joined with a name stays on its server and below its folder.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace attest;
  if (size == 0) return 0;
  std::string_view text = as_text(View(data + 1, size - 1));
  if (data[0] % 3 == 0) {
    std::size_t line = std::min(text.find('\n'), text.size());
    auto url = http::read_url(text.substr(0, line));
    auto below = url && line < text.size() ? http::join(*url, text.substr(line + 1)) : url;
    if (below && (below->authority() != url->authority() || !below->path.starts_with(url->path) || below->path.size() > 4096)) __builtin_trap();
    if (below && http::encode_request(*below, {}).find("\r\n\r\n") == std::string::npos) __builtin_trap();
  } else if (data[0] % 3 == 1) {
    auto whole = dechunked(text, text.size()), piecewise = dechunked(text, 1);
    if (whole != piecewise || (whole && whole->first.size() > text.size())) __builtin_trap();
  } else {
    auto names = http::listed_names(text);
    if (names && names->size() > http::kMaxListed) __builtin_trap();
  }
  return 0;
}
