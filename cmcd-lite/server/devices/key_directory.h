// key_directory.h: the public halves of the keys the daemon holds.
#pragma once
#include <map>
#include <mutex>

#include "drivers/driver.h"

namespace attest {

// KeyEntry is a key and the SHA-256 of its SubjectPublicKeyInfo, by which access rules know it.
struct KeyEntry {
  KeyInfo info;
  Digest spki;
};

// KeyDirectory answers lookups from any thread; whoever owns a key store keeps its part up to date. Names are
// unique over all stores: the one that came first keeps its name.
class KeyDirectory {
 public:
  // replace puts a store's keys in place of what it had (in_tpm tells the stores apart).
  void replace(bool in_tpm, std::vector<KeyInfo> keys);
  std::optional<KeyEntry> find(std::string_view name) const;
  // find_spki: the key with this SHA-256 of its SPKI, whatever its name.
  std::optional<KeyEntry> find_spki(const Digest& spki) const;
  // is: this is the key `name`, or one that `name` replaced and that was not revoked yet.
  bool is(std::string_view name, const Digest& spki) const;
  std::vector<KeyEntry> list() const;

 private:
  mutable std::mutex mutex_;
  std::map<std::string, KeyEntry, std::less<>> keys_;
};

// name_now is the name under which a store holds this very key: it may have been renewed since somebody looked it
// up. On the thread that owns the store.
std::string name_now(const KeyStore& store, const KeyInfo& key);

}  // namespace attest
