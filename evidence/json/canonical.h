// canonical.h: JSON in the one form that can be hashed (RFC 8785).
#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "evidence/core/bytes.h"

namespace attest {

// canonical_json writes a value without spaces, members by the UTF-16 form of their names, numbers as ECMAScript does: each
// is a double first, so that integers beyond 2^53 lose their last digits as the RFC wants it. malformed for binary
// values, numbers that are not finite and more than 64 levels.
Result<std::string> canonical_json(const nlohmann::json& value);

// read_strict_json reads a text of at most 4 MiB that can have a canonical form: no member twice at any depth, at most 64
// levels, valid UTF-8. malformed otherwise.
Result<nlohmann::json> read_strict_json(View text);

// ecmascript_number writes a finite double as Number::toString does.
std::string ecmascript_number(double value);

}  // namespace attest
