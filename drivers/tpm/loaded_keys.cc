#include "drivers/tpm/loaded_keys.h"

#include <algorithm>

namespace attest {

ESYS_TR LoadedKeys::find(const std::string& name) {
  keys_.remove_if([](const Loaded& loaded) { return !loaded.key.usable(); });
  auto it = std::ranges::find(keys_, name, &Loaded::name);
  if (it == keys_.end()) return ESYS_TR_NONE;
  keys_.splice(keys_.begin(), keys_, it);
  return it->key.get();
}

void LoadedKeys::make_room() {
  while (keys_.size() >= kKeys) keys_.pop_back();
}

ESYS_TR LoadedKeys::keep(std::string name, TpmHandle key) {
  keys_.push_front({std::move(name), std::move(key)});
  return keys_.front().key.get();
}

void LoadedKeys::forget(const std::string& name) {
  keys_.remove_if([&](const Loaded& loaded) { return loaded.name == name; });
}

}  // namespace attest
