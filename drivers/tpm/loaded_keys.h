// loaded_keys.h: which TLS keys occupy the TPM's few object slots.
#pragma once
#include <list>
#include <string>

#include "drivers/tpm/context.h"

namespace attest {

// LoadedKeys keeps the keys used last loaded. A TPM without a resource manager has three slots, and a
// persistent key takes one while it works: with two keys the attestation key still quotes; what needs more
// room clears them first. Must die before its context.
class LoadedKeys {
 public:
  static constexpr std::size_t kKeys = 2;
  // find lends a key that is still loaded, and marks it as used last; ESYS_TR_NONE if it is not.
  ESYS_TR find(const std::string& name);
  // make_room leaves two slots, for a parent and one more key.
  void make_room();
  // keep holds a key loaded after make_room, and lends it.
  ESYS_TR keep(std::string name, TpmHandle key);
  void forget(const std::string& name);
  void clear() { keys_.clear(); }

 private:
  struct Loaded {
    std::string name;
    TpmHandle key;
  };
  std::list<Loaded> keys_;  // used last in front
};

}  // namespace attest
