// time.h: moments as RFC 3339 texts and seconds; time is always a parameter of a judgement.
#pragma once
#include <cstdint>

#include <string_view>

#include "evidence/core/result.h"

namespace attest {

// UnixTime is seconds since 1970-01-01T00:00:00Z.
using UnixTime = std::int64_t;

// parse_rfc3339 reads "2026-11-21T22:40:24Z", with optional fraction and numeric offset; malformed otherwise.
Result<UnixTime> parse_rfc3339(std::string_view text);
// format_rfc3339 writes "2026-11-21T22:40:24Z".
std::string format_rfc3339(UnixTime when);
// now reads the wall clock. Judging code never calls it: apps and the daemon do, and pass the value down.
UnixTime wall_clock_now();

}  // namespace attest
