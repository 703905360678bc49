#include "cmcd-lite/server/devices/key_directory.h"

#include "evidence/native/key_reference.h"

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

std::optional<KeyEntry> KeyDirectory::find_spki(const Digest& spki) const {
  std::lock_guard lock(mutex_);
  for (const auto& [name, entry] : keys_)
    if (entry.spki == spki) return entry;
  return std::nullopt;
}

bool KeyDirectory::is(std::string_view name, const Digest& spki) const {
  auto entry = find_spki(spki);
  return entry && (entry->info.name == name || replaced_by(entry->info.name) == name);
}

std::string name_now(const KeyStore& store, const KeyInfo& key) {
  auto held = store.find(key.name);
  if (held && held->spki_der == key.spki_der) return key.name;
  return replaced_key_name(key.name, key.spki_der);
}

std::vector<KeyEntry> KeyDirectory::list() const {
  std::lock_guard lock(mutex_);
  std::vector<KeyEntry> out;
  for (const auto& [name, entry] : keys_) out.push_back(entry);
  return out;
}

}  // namespace attest
