#include "cmcd-lite/server/control/control.h"

#include "cmcd-lite/server/control/ops.h"
#include "evidence/core/printable.h"

namespace attest {
namespace {

// Who may use an op: everybody with an entry of their own sees what is theirs; the ops check `raw` and
// `judge` themselves.
enum class Need { entry, control };

struct OpRow {
  std::string_view name;
  Need need;
  ControlOp run;
};
constexpr OpRow kOps[] = {
    {"status", Need::entry, op_status},
    {"explain", Need::entry, op_explain},
    {"verdicts", Need::entry, op_verdicts},
    {"generate", Need::entry, op_generate},
    {"verify", Need::entry, op_verify},
    {"metadata.list", Need::entry, op_metadata_list},
    {"metadata.follow", Need::control, op_metadata_follow},
    {"key.create", Need::control, op_key_create},
    {"key.list", Need::control, op_key_list},
    {"key.certify", Need::control, op_key_certify},
    {"key.renew", Need::control, op_key_renew},
    {"key.revoke", Need::control, op_key_revoke},
    {"key.remove", Need::control, op_key_remove},
    {"enroll.request", Need::control, op_enroll_request},
    {"enroll.activate", Need::control, op_enroll_activate},
    {"enroll.fleet", Need::control, op_enroll_fleet},
    {"reference", Need::control, op_reference},
    {"reload", Need::control, op_reload},
};

Result<const OpRow*> find_op(const std::string& name) {
  auto row = std::ranges::find(kOps, name, &OpRow::name);
  if (row != std::end(kOps)) return &*row;
  return Error{Errc::unsupported, "daemon.protocol: control op \"" + printable(name) + "\" is unknown"};
}

}  // namespace

void on_device(Engine& engine, const ControlPtr& call, const Reply& reply,
               std::function<Result<Bytes>(OpenedDriver&)> f) {
  engine.tpm.run(call->peer.uid, [reply, f = std::move(f)](Result<TpmThread::Devices*> devices) {
    if (!devices) return reply.send(devices.error());
    auto device = tpm_device(**devices);
    reply.send(device ? f(**device) : Result<Bytes>(device.error()));
  });
}

void serve_control(Engine& engine, const Call& call, const Reply& reply) {
  auto request = parse_config(as_text(call.payload), "request");
  if (!request) return reply.send(request.error());
  auto made = std::make_shared<ControlCall>(
      ControlCall{engine.state.get(), call.peer, call.socket, std::move(*request)});
  auto right = made->state->access.may(made->asker(), Right::control);
  made->controls = static_cast<bool>(right);
  auto op = find_op(made->root().string("op"));
  if (!op) return reply.send(op.error());
  if ((*op)->need == Need::control && !right) return reply.send(right.error());
  (*op)->run(engine, made, reply);
}

}  // namespace attest
