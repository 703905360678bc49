#include "drivers/tpm/activation.h"

#include <algorithm>

#include "drivers/tpm/marshal.h"
#include "drivers/tpm/nv.h"
#include "drivers/tpm/objects.h"
#include "evidence/core/file.h"
#include "evidence/x509/certificate.h"

namespace attest {
namespace {

// Certificates of issuers that some makers leave beside those of the keys (EK Credential Profile, 2.2.1.5.2).
constexpr TPM2_HANDLE kFirstIssuer = 0x01c00100, kLastIssuer = 0x01c001ff;

// certifies: the certificate carries this key. It is searched for as bytes, since certificates of endorsement
// keys come with key types and small faults that OpenSSL refuses; whether to believe it is the issuer's
// decision.
bool certifies(View certificate, const TPMT_PUBLIC& area) {
  Bytes needle;
  if (area.type == TPM2_ALG_RSA) {
    needle.assign(area.unique.rsa.buffer, area.unique.rsa.buffer + area.unique.rsa.size);
  } else {
    needle.assign(area.unique.ecc.x.buffer, area.unique.ecc.x.buffer + area.unique.ecc.x.size);
  }
  // not std::ranges::search: clang 14, which builds the fuzzers, cannot read this library's subrange
  auto found = std::search(certificate.begin(), certificate.end(), needle.begin(), needle.end());
  return needle.size() >= 32 && found != certificate.end();
}

// same_template: what lies under the customary handle was made from the profile's template.
bool same_template(const TPMT_PUBLIC& found, const TPMT_PUBLIC& wanted) {
  TPMT_PUBLIC a = found, b = wanted;
  a.unique = {};
  b.unique = {};
  auto left = marshalled(a, Tss2_MU_TPMT_PUBLIC_Marshal);
  auto right = marshalled(b, Tss2_MU_TPMT_PUBLIC_Marshal);
  return left && right && *left == *right;
}

// policy_session is authorised by the endorsement hierarchy, as PolicyA of the low range demands.
Result<TpmHandle> policy_session(TpmContext& context) {
  TPMT_SYM_DEF none{};
  none.algorithm = TPM2_ALG_NULL;
  ESYS_TR tr = ESYS_TR_NONE;
  TSS2_RC rc = Esys_StartAuthSession(context.get(), ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
                                     ESYS_TR_NONE, nullptr, TPM2_SE_POLICY, &none, TPM2_ALG_SHA256, &tr);
  if (rc != TSS2_RC_SUCCESS) return context.failure(rc, "start a policy session");
  TpmHandle session(context, tr, TpmHandle::Kind::flushed);
  TPM2B_TIMEOUT* timeout = nullptr;
  TPMT_TK_AUTH* ticket = nullptr;
  rc = Esys_PolicySecret(context.get(), ESYS_TR_RH_ENDORSEMENT, tr, ESYS_TR_PASSWORD, ESYS_TR_NONE,
                         ESYS_TR_NONE, nullptr, nullptr, nullptr, 0, &timeout, &ticket);
  Esys<TPM2B_TIMEOUT> timeout_owner(timeout);
  Esys<TPMT_TK_AUTH> ticket_owner(ticket);
  if (rc != TSS2_RC_SUCCESS)
    return hierarchy_error(context, rc, ESYS_TR_RH_ENDORSEMENT, "use the endorsement key");
  return session;
}

}  // namespace

Result<TpmHandle> TpmEnroller::open_key(const EkTemplate& row) {
  TpmContext& context = *device_->context;
  device_->loaded.clear();
  TPM2B_PUBLIC wanted = row.make();
  auto stored = open_persistent(context, row.persistent);
  if (stored) {
    TRY(TPM2B_PUBLIC found, read_public(context, *stored));
    if (same_template(found.publicArea, wanted.publicArea)) return stored;
  }
  return create_primary(context, ESYS_TR_RH_ENDORSEMENT, wanted);
}

Result<TpmEnroller::Endorsement> TpmEnroller::examine(const EkTemplate& row, Bytes certificate) {
  TRY(TpmHandle key, open_key(row));
  TRY(TPM2B_PUBLIC area, read_public(*device_->context, key));
  TRY(Bytes bytes, public_bytes(area));
  if (!certificate.empty() && !certifies(certificate, area.publicArea))
    return Error{Errc::mismatch,
                 std::string("tpm: the endorsement certificate is for another key than ") + row.name};
  return Endorsement{&row, std::move(bytes), std::move(certificate)};
}

Result<TpmEnroller::Endorsement> TpmEnroller::choose() {
  for (const EkTemplate& row : ek_templates()) {
    auto certificate = read_nv_certificate(*device_->context, row.certificate);
    if (!certificate && certificate.error().code == Errc::io) return std::move(certificate).error();
    if (!certificate) continue;
    auto found = examine(row, *std::move(certificate));
    if (found || found.error().code == Errc::io) return found;
  }
  return examine(*ek_templates().begin(), {});
}

std::vector<Bytes> TpmEnroller::other_certificates(const EkTemplate& chosen) {
  std::vector<Bytes> out;
  auto indexes = device_->context->handles(TPM2_NV_INDEX_FIRST);
  if (!indexes) return out;
  for (TPM2_HANDLE index : *indexes) {
    bool of_key =
        std::ranges::any_of(ek_templates(), [&](const EkTemplate& row) { return row.certificate == index; });
    bool of_issuer = index >= kFirstIssuer && index <= kLastIssuer;
    if (index == chosen.certificate || !(of_key || of_issuer)) continue;
    if (auto certificate = read_nv_certificate(*device_->context, index))
      out.push_back(*std::move(certificate));
  }
  return out;
}

Result<EnrollRequest> TpmEnroller::request(bool new_ak) {
  return device_->context->attempt([&]() -> Result<EnrollRequest> {
    PublicArea ak = device_->key.area();
    if (new_ak) {
      if (device_->config.platform_ak) return Error{Errc::denied, "tpm: the attestation key is the platform's; no other can follow it"};
      device_->loaded.clear();
      TRY(NextKey next, NextKey::make(*device_->context, device_->config));
      ak = next.area();
    }
    TRY(Endorsement key, choose());
    EnrollRequest out{ak.encoded, ak.name(), std::move(key.area), {}};
    if (!key.certificate.empty()) out.ek_certs.push_back(std::move(key.certificate));
    for (Bytes& more : other_certificates(*key.row)) out.ek_certs.push_back(std::move(more));
    return out;
  });
}

Result<Secret> TpmEnroller::activate_once(const TPM2B_ID_OBJECT& blob, const TPM2B_ENCRYPTED_SECRET& secret,
                                          bool next) {
  TpmContext& context = *device_->context;
  TRY(Endorsement chosen, choose());
  TpmHandle waiting;
  if (next) {
    device_->loaded.clear();
    TRY(NextKey key, NextKey::find(device_->config));
    TRY(waiting, key.load(context));
  }
  TRY(TpmHandle endorsement, open_key(*chosen.row));
  TRY(ESYS_TR present, device_->key.handle());
  ESYS_TR key = next ? waiting.get() : present;
  TpmHandle session;
  if (chosen.row->auth_by_policy) {
    TRY(session, policy_session(context));
  }
  ESYS_TR authorisation = chosen.row->auth_by_policy ? session.get() : ESYS_TR_PASSWORD;
  TPM2B_DIGEST* opened = nullptr;
  TSS2_RC rc = Esys_ActivateCredential(context.get(), key, endorsement.get(), ESYS_TR_PASSWORD, authorisation,
                                       ESYS_TR_NONE, &blob, &secret, &opened);
  Esys<TPM2B_DIGEST> owner(opened);
  if (rc != TSS2_RC_SUCCESS) {
    Error error =
        context.failure(rc, "activate the credential (made with " + std::string(chosen.row->name) + ")");
    if ((rc & TSS2_RC_LAYER_MASK) == TSS2_TPM_RC_LAYER && (rc & 0x80) != 0) error.code = Errc::denied;
    return error;
  }
  Secret out = Secret::copy_of({opened->buffer, opened->size});
  OPENSSL_cleanse(opened->buffer, opened->size);
  return out;
}

Result<Secret> TpmEnroller::activate(View credential_blob, View secret) {
  TRY(TPM2B_ID_OBJECT blob,
      unmarshalled(credential_blob, Tss2_MU_TPM2B_ID_OBJECT_Unmarshal, "credential blob"));
  TRY(TPM2B_ENCRYPTED_SECRET wrapped,
      unmarshalled(secret, Tss2_MU_TPM2B_ENCRYPTED_SECRET_Unmarshal, "encrypted secret"));
  auto present = device_->context->attempt([&] { return activate_once(blob, wrapped, false); });
  if (present || !NextKey::find(device_->config)) return present;
  return device_->context->attempt([&] { return activate_once(blob, wrapped, true); });
}

// follow makes the key that waits the attestation key.
Status TpmEnroller::follow(std::string_view pem) {
  TpmContext& context = *device_->context;
  CHECK_OK(NextKey::certify(device_->config, pem));
  device_->loaded.clear();
  device_->key.release();
  TRY(AttestationKey fresh, AttestationKey::open(context, device_->config));
  device_->key = std::move(fresh);
  TRY(device_->ak_chain, read_ak_chain(as_view(pem), device_->key.area(), "AK certificates"));
  device_->orphaned_chain = false;
  return ok();
}

Status TpmEnroller::store_chain(std::string_view pem) {
  if (device_->config.ak_chain.empty())
    return Error{Errc::denied, "tpm: no ak_chain is configured; remedy: name the file it should be kept in"};
  if (auto next = NextKey::find(device_->config))
    if (read_ak_chain(as_view(pem), next->area(), "AK certificates")) return follow(pem);
  TRY(std::vector<Bytes> chain, read_ak_chain(as_view(pem), device_->key.area(), "AK certificates"));
  CHECK_OK(write_file_atomic(device_->config.ak_chain, as_view(certificates_to_pem(chain)), 0644));
  device_->ak_chain = std::move(chain);
  device_->orphaned_chain = false;
  return ok();
}

}  // namespace attest
