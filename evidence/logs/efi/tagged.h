// tagged.h: EV_EVENT_TAG: a number that says what is measured, and data; Windows nests them.
#pragma once
#include "evidence/core/bytes.h"
#include "evidence/json/writer.h"

namespace attest::efi {

struct TaggedEvent {
  std::uint32_t id = 0;
  View data;
};
// parse_tagged: one tag and its data; malformed if the data is longer than what is there, or shorter.
Result<TaggedEvent> parse_tagged(View event);
// tag_name: who makes events of this tag and what they mean; empty if unknown.
std::string_view tag_name(std::uint32_t id);
// describe_tagged writes the members of the description; false, with nothing written, without the form.
bool describe_tagged(View event, JsonWriter& out);

}  // namespace attest::efi
