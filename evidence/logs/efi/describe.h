// describe.h: the data of a firmware event as people read it, by the type it claims. Hints alone: neither the
// type nor (for most types) the data is covered by the digest.
#pragma once
#include "evidence/core/bytes.h"
#include "evidence/json/writer.h"

namespace attest::efi {

// describe_event writes members into an open JSON object. Data without the form of its type is written as text
// where it is text, else as "hex" (at most 4 KiB, "hex_bytes" says how many there are): nothing is lost.
void describe_event(std::uint32_t type, View data, JsonWriter& out);

// describe_variable writes guid, name and content; false, with nothing written, without the form.
bool describe_variable(std::uint32_t type, View data, JsonWriter& out);

}  // namespace attest::efi
