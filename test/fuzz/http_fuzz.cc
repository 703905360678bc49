#include <algorithm>

#include "evidence/http/listing.h"
#include "evidence/http/message.h"

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
    http::Chunks whole(1000), piecewise(1000);
    bool good = bool(whole.feed(text)), same = true;
    for (char c : text) same = same && bool(piecewise.feed({&c, 1}));
    if (good != same || (good && (whole.whole() != piecewise.whole() || whole.take() != piecewise.take()))) __builtin_trap();
  } else {
    auto names = http::listed_names(text);
    if (names && names->size() > http::kMaxListed) __builtin_trap();
  }
  return 0;
}
