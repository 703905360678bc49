#include "cmcd-lite/server/process/named_error.h"

namespace attest {
namespace {

// name_length: the length of a leading "part.part-part" that is followed by ": "; 0 if there is none.
std::size_t name_length(std::string_view text) {
  std::size_t end = text.find(": ");
  if (end == std::string_view::npos || end > 64) return 0;
  std::string_view name = text.substr(0, end);
  std::size_t dot = name.find('.');
  if (dot == std::string_view::npos || dot == 0 || dot + 1 == name.size()) return 0;
  bool plain = std::ranges::all_of(
      name, [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.'; });
  return plain ? end : 0;
}

const char* fallback_name(Errc code) {
  if (code == Errc::malformed || code == Errc::unsupported) return "daemon.protocol";
  return code == Errc::denied ? "daemon.denied" : "daemon.internal";
}

}  // namespace

ErrorAnswer named_error(const Error& error) {
  std::size_t n = name_length(error.what);
  if (n == 0) return {error.code, fallback_name(error.code), error.what};
  return {error.code, error.what.substr(0, n), error.what.substr(n + 2)};
}

Bytes error_frame(const Error& error) {
  auto payload = encode_error_answer(named_error(error));
  if (!payload) return {};
  auto frame = encode_frame(FrameType::error, *payload);
  return frame ? std::move(*frame) : Bytes{};
}

}  // namespace attest
