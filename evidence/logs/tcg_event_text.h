// tcg_event_text.h: firmware events as people read them. Hints alone: neither type nor data is covered by a
// digest.
#pragma once
#include <optional>

#include "evidence/core/bytes.h"

namespace attest {

// tcg_event_type_name is "EV_SEPARATOR" and the like; "EV_0x…" for a type the specification does not name.
std::string tcg_event_type_name(std::uint32_t type);
// tcg_event_type_of is the type of a name; nullopt for a name the specification does not have.
std::optional<std::uint32_t> tcg_event_type_of(std::string_view name);

// tcg_event_text is a short printable description of an event's data, at most 120 characters: the name of a
// variable, the file of a boot application, the text of an action. Empty where there is nothing to say. The
// data may be cut short.
std::string tcg_event_text(std::uint32_t type, View data);

}  // namespace attest
