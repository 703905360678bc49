#include "cmcd-lite/server/key_directory.h"

namespace attest {

void KeyDirectory::replace(bool in_tpm, std::vector<KeyInfo> keys) {
  std::lock_guard lock(mutex_);
  std::erase_if(keys_, [&](const auto& item) { return item.second.info.in_tpm == in_tpm; });
  for (KeyInfo& info : keys) {
    info.in_tpm = in_tpm;
    Digest spki = sha256(info.spki_der);
    std::string name = info.name;
    keys_.try_emplace(std::move(name), KeyEntry{std::move(info), spki});
  }
}

std::optional<KeyEntry> KeyDirectory::find(std::string_view name) const {
  std::lock_guard lock(mutex_);
  auto it = keys_.find(name);
  if (it == keys_.end()) return std::nullopt;
  return it->second;
}

std::vector<KeyEntry> KeyDirectory::list() const {
  std::lock_guard lock(mutex_);
  std::vector<KeyEntry> out;
  for (const auto& [name, entry] : keys_) out.push_back(entry);
  return out;
}

}  // namespace attest
