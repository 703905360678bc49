// style.h: how attestctl's texts look to a person.
#pragma once
#include <string>
#include <string_view>

#include "evidence/core/bytes.h"

namespace attest::ctl {

// Tone is the colour of a word. Colour appears on a terminal only, and never where NO_COLOR is set.
enum class Tone { plain, bold, good, bad, warn, dim };
std::string toned(Tone tone, std::string_view text);

// row prints "label     text", the label padded to one column for all commands; further lines of text are
// indented alike.
void row(std::string_view label, std::string_view text, Tone tone = Tone::bold);

// short_or_whole shortens a hex digest to 12 digits unless everything is wanted.
std::string short_or_whole(std::string_view hex, bool whole);

// thousands writes 41208 as "41,208".
std::string thousands(std::uint64_t number);

// duration writes seconds as "3 d", "5 h", "12 min" or "40 s".
std::string duration(std::int64_t seconds);

}  // namespace attest::ctl
