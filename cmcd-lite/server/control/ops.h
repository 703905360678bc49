// ops.h: the ops of the control call, one file a family. Private to control.
#pragma once
#include "cmcd-lite/server/engine/engine.h"
#include "cmcd-lite/server/sockets/session.h"
#include "evidence/json/config.h"
#include "evidence/json/writer.h"

namespace attest {

// ControlCall is one parsed request. An op reads its members from `root`, then calls `checked` before it
// acts.
struct ControlCall {
  std::shared_ptr<const State> state;
  LocalPeer peer;
  std::string socket;
  ConfigFile request;
  bool controls = false;  // the caller has the right `control`

  Object root() const { return request.root(); }
  // checked: every member had the right form and none is unknown.
  Status checked() const { return request.finish(); }
  Access::Asker asker() const { return {peer, state->socket_callers(socket)}; }
  // own: the uid whose records the caller may see; nullopt for all.
  std::optional<uid_t> own() const { return controls ? std::nullopt : std::optional(peer.uid); }
};
using ControlPtr = std::shared_ptr<const ControlCall>;
using ControlOp = void (*)(Engine& engine, const ControlPtr& call, const Reply& reply);

// accepted opens the answer {"ok":true, …; finish_json closes it.
inline JsonWriter accepted() {
  JsonWriter out;
  out.object().field("ok", true);
  return out;
}
inline Bytes finish_json(JsonWriter&& out) {
  out.end_object();
  return to_bytes(as_view(out.so_far()));
}

// on_device runs f with the machine's TPM on its thread and sends what it returns.
void on_device(Engine& engine, const ControlPtr& call, const Reply& reply,
               std::function<Result<Bytes>(OpenedDriver&)> f);

void op_status(Engine& engine, const ControlPtr& call, const Reply& reply);
void op_metadata_list(Engine& engine, const ControlPtr& call, const Reply& reply);
void op_metadata_follow(Engine& engine, const ControlPtr& call, const Reply& reply);
void op_explain(Engine& engine, const ControlPtr& call, const Reply& reply);
void op_verdicts(Engine& engine, const ControlPtr& call, const Reply& reply);
void op_generate(Engine& engine, const ControlPtr& call, const Reply& reply);
void op_verify(Engine& engine, const ControlPtr& call, const Reply& reply);
void op_key_create(Engine& engine, const ControlPtr& call, const Reply& reply);
void op_key_list(Engine& engine, const ControlPtr& call, const Reply& reply);
void op_key_certify(Engine& engine, const ControlPtr& call, const Reply& reply);
void op_key_renew(Engine& engine, const ControlPtr& call, const Reply& reply);
void op_key_revoke(Engine& engine, const ControlPtr& call, const Reply& reply);
void op_key_remove(Engine& engine, const ControlPtr& call, const Reply& reply);
void op_enroll_request(Engine& engine, const ControlPtr& call, const Reply& reply);
void op_enroll_activate(Engine& engine, const ControlPtr& call, const Reply& reply);
void op_enroll_fleet(Engine& engine, const ControlPtr& call, const Reply& reply);
void op_reference(Engine& engine, const ControlPtr& call, const Reply& reply);
void op_reload(Engine& engine, const ControlPtr& call, const Reply& reply);

}  // namespace attest
