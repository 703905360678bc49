// printable.h: foreign text inside our messages.
#pragma once
#include <string>
#include <string_view>

namespace attest {

// printable cuts foreign text to max bytes and turns everything but printable ASCII into '?': error texts
// reach terminals, logs and JSON, so they must carry neither control characters nor broken UTF-8.
inline std::string printable(std::string_view text, std::size_t max = 100) {
  std::string out;
  for (char c : text.substr(0, max)) out += c >= 0x20 && c <= 0x7e ? c : '?';
  if (text.size() > max) out += "...";
  return out;
}

}  // namespace attest
