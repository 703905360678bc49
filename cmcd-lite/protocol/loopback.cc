#include "cmcd-lite/protocol/loopback.h"

#include <arpa/inet.h>

#include <charconv>

#include "evidence/core/printable.h"

namespace attest {

Result<LoopbackAddress> parse_loopback(std::string_view text) {
  std::size_t colon = text.rfind(':');
  Error bad{Errc::denied, "must be \"127.0.0.1:PORT\" or \"[::1]:PORT\": without peer credentials this machine alone is "
                          "served; found \"" + printable(text) + "\""};
  if (colon == std::string_view::npos) return bad;
  LoopbackAddress out;
  std::string_view host = text.substr(0, colon), port = text.substr(colon + 1);
  auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), out.port);
  if (port.empty() || error != std::errc() || end != port.data() + port.size()) return bad;
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  out.host = host == "localhost" ? "127.0.0.1" : std::string(host);
  in_addr v4{};
  if (out.host == "::1") return out;
  if (::inet_pton(AF_INET, out.host.c_str(), &v4) != 1 || ntohl(v4.s_addr) >> 24 != 127) return bad;
  return out;
}

}  // namespace attest
