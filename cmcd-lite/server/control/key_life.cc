// key.certify, key.renew, key.revoke.
#include "cmcd-lite/server/control/keys.h"
#include "evidence/core/hex.h"
#include "evidence/native/key_reference.h"
#include "evidence/tpm/tss2_key.h"

namespace attest {
namespace {

Result<Bytes> certify(OpenedDriver& device, const std::string& name, const Bytes& file) {
  if (!device.keys) return Error{Errc::unsupported, "key.unknown: this TPM driver keeps no keys"};
  std::string key_name = name;
  if (!file.empty()) {
    TRY(KeyInfo borrowed, device.keys->borrow(file));
    key_name = borrowed.name;
  }
  auto certified = device.keys->certify(key_name);
  if (!certified) {
    bool unfit = certified.error().code == Errc::denied;
    return Error{certified.error().code, (unfit ? "key.attributes: " : "key.certification: ") + certified.error().what};
  }
  TRY(PublicArea area, parse_public(certified->public_area));
  JsonWriter out = accepted();
  out.field("name", key_name).field("algorithm", area.algorithm());
  out.field("key_name", to_hex(area.name())).field("attributes", attributes_text(area.attributes));
  out.field("ak_name", to_hex(device.driver->identity().id));
  out.field("public", to_base64(certified->public_area)).field("attest", to_base64(certified->attest));
  out.field("signature", to_base64(certified->signature));
  return finish_json(std::move(out));
}

Result<Bytes> renew(Engine& engine, KeyStore& store, const KeyInfo& old, const std::string& socket) {
  auto key = store.renew(old.name);
  keys_changed(engine, store, old.in_tpm);
  if (!key) return std::move(key).error();
  JsonWriter out = accepted();
  CHECK_OK(write_key(out, *key, socket));
  out.field("replaced", replaced_key_name(old.name, old.spki_der));
  return finish_json(std::move(out));
}

Bytes revoked(const std::vector<std::pair<std::string, Digest>>& keys) {
  JsonWriter out = accepted();
  out.key("revoked").array();
  for (const auto& [name, spki] : keys)
    out.object().field("name", name).field("spki_sha256", to_hex(spki.view())).end_object();
  out.end_array();
  return finish_json(std::move(out));
}

// revoke puts the keys on the list before it destroys them: what is listed is not used, whatever happens next.
Result<Bytes> revoke(Engine& engine, KeyStore& store, const std::string& name, bool replaced_only) {
  std::vector<std::pair<std::string, Digest>> done;
  std::vector<KeyInfo> keys = store.list();
  for (const KeyInfo& key : keys) {
    bool wanted = replaced_by(key.name) == name || (!replaced_only && key.name == name);
    if (!wanted) continue;
    Digest spki = sha256(key.spki_der);
    CHECK_OK(engine.revoked.add(spki));
    CHECK_OK(store.remove(key.name));
    done.emplace_back(key.name, spki);
  }
  return revoked(done);
}

}  // namespace

void op_key_certify(Engine& engine, const ControlPtr& call, const Reply& reply) {
  std::string name = call->root().string("name", "");
  auto file = from_base64(call->root().string("file", ""), kMaxTss2Key);
  if (auto form = call->checked(); !form) return reply.send(form.error());
  if (!file) return reply.send(file.error());
  if (file->empty()) {
    auto key = known_key(engine, name);
    if (!key) return reply.send(key.error());
    if (!key->in_tpm)
      return reply.send(Error{Errc::denied, "key.attributes: key \"" + name + "\" is in a file; the TPM certifies its own"});
  }
  on_device(engine, call, reply, [name, file = std::move(*file)](OpenedDriver& device) {
    return certify(device, name, file);
  });
}

void op_key_renew(Engine& engine, const ControlPtr& call, const Reply& reply) {
  std::string name = call->root().string("name"), socket = call->root().string("socket", "");
  if (auto form = call->checked(); !form) return reply.send(form.error());
  auto key = known_key(engine, name);
  if (!key) return reply.send(key.error());
  with_store(engine, call, reply, key->in_tpm, [&engine, key = *key, socket](KeyStore& store) {
    return renew(engine, store, key, socket);
  });
}

void op_key_revoke(Engine& engine, const ControlPtr& call, const Reply& reply) {
  Object root = call->root();
  std::string name = root.string("name", ""), text = root.string("spki", "");
  bool replaced = root.boolean("replaced", false);
  if (auto form = call->checked(); !form) return reply.send(form.error());
  if (!text.empty()) {
    auto spki = from_hex(text, 32);
    if (!spki || spki->size() != 32 || !name.empty())
      return reply.send(Error{Errc::malformed, "daemon.protocol: either a name, or spki: 64 hex digits"});
    Digest digest = Digest::of(*spki);
    if (engine.keys.find_spki(digest))
      return reply.send(Error{Errc::denied, "key.exists: the daemon holds this key; revoke it by its name"});
    auto added = engine.revoked.add(digest);
    return reply.send(added ? Result<Bytes>(revoked({{"", digest}})) : Result<Bytes>(added.error()));
  }
  auto key = known_key(engine, name);
  if (!key) return reply.send(key.error());
  with_store(engine, call, reply, key->in_tpm, [&engine, key = *key, replaced](KeyStore& store) {
    auto done = revoke(engine, store, key.name, replaced);
    keys_changed(engine, store, key.in_tpm);
    return done;
  });
}

}  // namespace attest
