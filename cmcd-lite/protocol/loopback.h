// loopback.h: addresses on which strangers are served: this machine's own alone.
#pragma once
#include "evidence/core/bytes.h"

namespace attest {

// LoopbackAddress is a TCP address of this machine alone.
struct LoopbackAddress {
  std::string host;  // numeric
  std::uint16_t port = 0;
};
// parse_loopback takes "127.x.y.z:port", "localhost:port" and "[::1]:port"; denied for an address that others reach.
Result<LoopbackAddress> parse_loopback(std::string_view text);

}  // namespace attest
