// enroll.request, enroll.activate, enroll.fleet, reference.
#include "cmcd-lite/server/control/ops.h"
#include "cmcd-lite/server/devices/reference.h"
#include "cmcd-lite/server/engine/ak_enrolment.h"
#include "evidence/core/hex.h"
#include "evidence/core/sealed.h"
#include "evidence/metadata/manifest.h"

namespace attest {
namespace {

constexpr std::size_t kMaxBlob = 1024;  // TPM2B_ID_OBJECT, TPM2B_ENCRYPTED_SECRET
constexpr std::size_t kMaxChainPem = 65536;

Result<Enroller*> enroller_of(OpenedDriver& device) {
  if (device.enroller) return device.enroller.get();
  return Error{Errc::unsupported,
               "tpm.unavailable: this driver has no endorsement key to certify its attestation key by"};
}

Result<Bytes> request(OpenedDriver& device, bool new_ak) {
  TRY(Enroller * enroller, enroller_of(device));
  TRY(EnrollRequest request, enroller->request(new_ak));
  JsonWriter out = accepted();
  out.field("ak_public", to_base64(request.ak_public)).field("ak_name", to_hex(request.ak_name));
  out.field("ek_public", to_base64(request.ek_public)).key("ek_certs").array();
  for (const Bytes& cert : request.ek_certs) out.text(to_base64(cert));
  out.end_array();
  return finish_json(std::move(out));
}

struct Challenge {
  Bytes credential_blob, secret, sealed_chain;
};

Result<Challenge> challenge_of(const ControlCall& call) {
  Object root = call.root();
  Challenge challenge;
  TRY(challenge.credential_blob, from_base64(root.string("credential_blob"), kMaxBlob));
  TRY(challenge.secret, from_base64(root.string("secret"), kMaxBlob));
  TRY(challenge.sealed_chain, from_base64(root.string("sealed_chain"), kMaxChainPem));
  CHECK_OK(call.checked());
  return challenge;
}

Result<Bytes> activate(OpenedDriver& device, const Challenge& challenge) {
  TRY(Enroller * enroller, enroller_of(device));
  TRY(Secret key, enroller->activate(challenge.credential_blob, challenge.secret));
  TRY(Bytes chain, open_sealed(key, challenge.sealed_chain));
  CHECK_OK(enroller->store_chain(as_text(chain)));
  JsonWriter out = accepted();
  out.field("ak_name", to_hex(device.driver->identity().id));
  return finish_json(std::move(out));
}

Result<Bytes> reference(OpenedDriver& device) {
  TRY(std::vector<ReferenceValue> values, machine_reference(*device.driver));
  JsonWriter out = accepted();
  out.key("components").raw(write_components(values));
  return finish_json(std::move(out));
}

}  // namespace

void op_enroll_request(Engine& engine, const ControlPtr& call, const Reply& reply) {
  bool new_ak = call->root().boolean("new_ak", false);
  if (auto form = call->checked(); !form) return reply.send(form.error());
  on_device(engine, call, reply, [new_ak](OpenedDriver& device) { return request(device, new_ak); });
}

void op_enroll_activate(Engine& engine, const ControlPtr& call, const Reply& reply) {
  auto challenge = challenge_of(*call);
  if (!challenge) return reply.send(challenge.error());
  on_device(engine, call, reply, [challenge = std::move(*challenge)](OpenedDriver& device) {
    return activate(device, challenge);
  });
}

void op_enroll_fleet(Engine& engine, const ControlPtr& call, const Reply& reply) {
  if (auto form = call->checked(); !form) return reply.send(form.error());
  if (engine.enrolments == nullptr) return reply.send(Error{Errc::unsupported, "daemon.internal: nothing here waits for servers"});
  engine.enrolments->post(call->peer.uid, [&engine, call, reply](const Status& go) {
    auto enrolled = go ? enroll_ak(engine, call->peer.uid, *call->state) : Result<AkEnrolled>(go.error());
    if (!enrolled) return reply.send(enrolled.error());
    JsonWriter out = accepted();
    out.field("ak_name", to_hex(enrolled->ak_name)).field("subject", enrolled->subject);
    out.field("not_after", format_rfc3339(enrolled->not_after));
    reply.send(finish_json(std::move(out)));
  });
}

void op_reference(Engine& engine, const ControlPtr& call, const Reply& reply) {
  if (auto form = call->checked(); !form) return reply.send(form.error());
  on_device(engine, call, reply, reference);
}

}  // namespace attest
