// replaced_name.h: under which name a key serves on after it was renewed.
#pragma once
#include <algorithm>
#include <string>

#include "evidence/native/key_reference.h"

namespace attest {

// name_of_replaced is that name for the key `name` with this SPKI; keys is a store's map by name. denied while
// kMaxReplaced keys of that name are still there, or where the name would be too long.
template <class Keys>
Result<std::string> name_of_replaced(const Keys& keys, std::string_view name, View spki_der) {
  auto replaced = std::ranges::count_if(keys, [&](const auto& item) { return replaced_by(item.first) == name; });
  std::string old_name = replaced_key_name(name, spki_der);
  if (static_cast<std::size_t>(replaced) < kMaxReplaced && valid_key_name(old_name)) return old_name;
  return Error{Errc::denied, "key: " + std::string(name) + " was renewed too often; remedy: attestctl key revoke --replaced " +
                                 std::string(name)};
}

}  // namespace attest
