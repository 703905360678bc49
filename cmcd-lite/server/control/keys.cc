// key.create, key.list, key.remove.
#include "cmcd-lite/server/control/keys.h"
#include "evidence/core/hex.h"
#include "evidence/core/printable.h"
#include "evidence/native/key_reference.h"

namespace attest {
namespace {

struct NewKey {
  std::string name, algorithm, socket;
  bool in_tpm = false;
};

Result<Bytes> create_in(Engine& engine, KeyStore& store, const NewKey& wanted) {
  TRY(KeyInfo key, store.create(wanted.name, wanted.algorithm));
  key.in_tpm = wanted.in_tpm;
  keys_changed(engine, store, wanted.in_tpm);
  JsonWriter out = accepted();
  CHECK_OK(write_key(out, key, wanted.socket));
  return finish_json(std::move(out));
}

Result<Bytes> remove_in(Engine& engine, KeyStore& store, const KeyInfo& key) {
  CHECK_OK(store.remove(key.name));
  keys_changed(engine, store, key.in_tpm);
  return finish_json(accepted());
}

Result<NewKey> new_key(const Engine& engine, const ControlCall& call) {
  Object root = call.root();
  NewKey wanted{root.string("name"), root.string("algorithm", "ec-p256"), root.string("socket", ""),
                root.boolean("tpm", false)};
  CHECK_OK(call.checked());
  if (!valid_key_name(wanted.name) || !replaced_by(wanted.name).empty())
    return Error{Errc::malformed,
                 "daemon.protocol: \"" + printable(wanted.name) + "\" is no name for a key ([A-Za-z0-9._-])"};
  if (engine.keys.find(wanted.name))
    return Error{Errc::denied,
                 "key.exists: there is a key \"" + wanted.name + "\" already (attestctl key remove)"};
  return wanted;
}

Result<Bytes> list(const Engine& engine, const ControlCall& call) {
  CHECK_OK(call.checked());
  JsonWriter out = accepted();
  out.key("keys").array();
  for (const KeyEntry& entry : engine.keys.list()) {
    out.object();
    CHECK_OK(write_key(out, entry.info, ""));
    out.end_object();
  }
  out.end_array();
  return finish_json(std::move(out));
}

}  // namespace

Status write_key(JsonWriter& out, const KeyInfo& key, const std::string& socket) {
  std::string_view current = replaced_by(key.name);
  TRY(std::string reference,
      key_reference_pem({current.empty() ? key.name : std::string(current), socket, key.spki_der}));
  out.field("name", key.name).field("algorithm", key.algorithm).field("in_tpm", key.in_tpm);
  out.field("certified", key.in_tpm && key.unfit.empty()).field("unfit", key.unfit);
  out.field("replaced_by", current).field("spki", to_base64(key.spki_der)).field("reference", reference);
  return ok();
}

void keys_changed(Engine& engine, const KeyStore& store, bool in_tpm) {
  engine.keys.replace(in_tpm, store.list());
}

void with_store(Engine& engine, const ControlPtr& call, const Reply& reply, bool in_tpm,
                std::function<Result<Bytes>(KeyStore&)> f) {
  if (in_tpm)
    return on_device(engine, call, reply, [f = std::move(f)](OpenedDriver& device) -> Result<Bytes> {
      if (!device.keys) return Error{Errc::unsupported, "key.unknown: this TPM driver keeps no keys"};
      return f(*device.keys);
    });
  engine.workers.post(call->peer.uid, [&engine, reply, f = std::move(f)](Status go) {
    if (!go) return reply.send(go.error());
    reply.send(engine.file_keys.use(f));
  });
}

Result<KeyInfo> known_key(const Engine& engine, const std::string& name) {
  auto entry = engine.keys.find(name);
  if (!entry)
    return Error{Errc::denied, "key.unknown: no key \"" + printable(name) + "\" (attestctl key list)"};
  return entry->info;
}

void op_key_create(Engine& engine, const ControlPtr& call, const Reply& reply) {
  auto wanted = new_key(engine, *call);
  if (!wanted) return reply.send(wanted.error());
  with_store(engine, call, reply, wanted->in_tpm,
             [&engine, wanted = *wanted](KeyStore& store) { return create_in(engine, store, wanted); });
}

void op_key_list(Engine& engine, const ControlPtr& call, const Reply& reply) {
  reply.send(list(engine, *call));
}

void op_key_remove(Engine& engine, const ControlPtr& call, const Reply& reply) {
  std::string name = call->root().string("name");
  if (auto form = call->checked(); !form) return reply.send(form.error());
  auto key = known_key(engine, name);
  if (!key) return reply.send(key.error());
  with_store(engine, call, reply, key->in_tpm,
             [&engine, key = *key](KeyStore& store) { return remove_in(engine, store, key); });
}

}  // namespace attest
