// keys.h: what the ops on keys share. Private to control.
#pragma once
#include "cmcd-lite/server/control/ops.h"

namespace attest {

// write_key writes the members of one key into an open object.
Status write_key(JsonWriter& out, const KeyInfo& key, const std::string& socket);
// keys_changed publishes a store's keys after one came or went.
void keys_changed(Engine& engine, const KeyStore& store, bool in_tpm);
// with_store runs f with the store a key belongs to, on the thread that owns it, and sends what it returns.
void with_store(Engine& engine, const ControlPtr& call, const Reply& reply, bool in_tpm,
                std::function<Result<Bytes>(KeyStore&)> f);
// known_key finds a key by name; denied "key.unknown".
Result<KeyInfo> known_key(const Engine& engine, const std::string& name);

}  // namespace attest
