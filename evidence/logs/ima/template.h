// template.h: what fields the entries of an IMA template have.
#pragma once
#include <string_view>
#include <vector>

#include "evidence/core/bytes.h"

namespace attest::ima {

// FieldKind says how a field is stored and printed.
enum class FieldKind : std::uint8_t { digest, name, bytes, number };

struct Field {
  std::string_view id;  // "d-ng"
  FieldKind kind = FieldKind::bytes;
};

inline constexpr std::size_t kMaxFields = 64;

// template_fields: of a template by name ("ima-sig") or by format ("d-ng|n-ng|sig"), in order; malformed for a
// name we do not know that is no format of known fields. The ids lend from the argument or are constants.
Result<std::vector<Field>> template_fields(std::string_view name);

// field_of finds a field of an entry by id; an empty view if the template has none or the data does not split.
View field_of(std::string_view template_name, View data, std::string_view id);

}  // namespace attest::ima
