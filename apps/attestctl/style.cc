#include "apps/attestctl/style.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>

namespace attest::ctl {
namespace {

constexpr std::size_t kLabelWidth = 10;

bool colourful() {
  const char* refused = std::getenv("NO_COLOR");
  return isatty(STDOUT_FILENO) == 1 && (!refused || !*refused);
}

const char* escape(Tone tone) {
  switch (tone) {
    case Tone::bold:
      return "\033[1m";
    case Tone::good:
      return "\033[32m";
    case Tone::bad:
      return "\033[1;31m";
    case Tone::warn:
      return "\033[33m";
    case Tone::dim:
      return "\033[2m";
    case Tone::plain:
      break;
  }
  return "";
}

}  // namespace

std::string toned(Tone tone, std::string_view text) {
  if (tone == Tone::plain || !colourful()) return std::string(text);
  return escape(tone) + std::string(text) + "\033[0m";
}

void row(std::string_view label, std::string_view text, Tone tone) {
  std::string padded(label);
  padded.resize(std::max(kLabelWidth, padded.size() + 1), ' ');
  std::string body;
  for (char c : text) {
    body += c;
    if (c == '\n') body.append(kLabelWidth, ' ');
  }
  std::printf("%s%s\n", toned(tone, padded).c_str(), body.c_str());
}

std::string short_or_whole(std::string_view hex, bool whole) {
  return std::string(whole ? hex : hex.substr(0, 12));
}

std::string thousands(std::uint64_t number) {
  std::string text = std::to_string(number);
  for (std::size_t at = text.size(); at > 3;) text.insert(at -= 3, ",");
  return text;
}

std::string duration(std::int64_t seconds) {
  if (seconds >= 2 * 86400) return std::to_string(seconds / 86400) + " d";
  if (seconds >= 2 * 3600) return std::to_string(seconds / 3600) + " h";
  if (seconds >= 2 * 60) return std::to_string(seconds / 60) + " min";
  return std::to_string(seconds) + " s";
}

}  // namespace attest::ctl
