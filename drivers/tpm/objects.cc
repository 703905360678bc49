#include "drivers/tpm/objects.h"

#include "drivers/tpm/marshal.h"

namespace attest {
namespace {

constexpr TPM2B_DATA kNoOutsideInfo{};
constexpr TPML_PCR_SELECTION kNoPcrs{};

}  // namespace

Error hierarchy_error(TpmContext& context, TSS2_RC rc, ESYS_TR hierarchy, std::string_view what) {
  Error error = context.failure(rc, what);
  if (!is_auth_failure(rc)) return error;
  const char* name = hierarchy == ESYS_TR_RH_OWNER ? "owner" : "endorsement";
  error.what += std::string("; the ") + name +
                " hierarchy has an authorisation value; remedy: empty it for this step (tpm2_changeauth -c " +
                name + "), then set it again";
  return error;
}

Result<TpmHandle> create_primary(TpmContext& context, ESYS_TR hierarchy, const TPM2B_PUBLIC& key_template) {
  TPM2B_SENSITIVE_CREATE sensitive{};
  ESYS_TR tr = ESYS_TR_NONE;
  TPM2B_PUBLIC* made = nullptr;
  TPM2B_CREATION_DATA* data = nullptr;
  TPM2B_DIGEST* hash = nullptr;
  TPMT_TK_CREATION* ticket = nullptr;
  TSS2_RC rc =
      Esys_CreatePrimary(context.get(), hierarchy, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, &sensitive,
                         &key_template, &kNoOutsideInfo, &kNoPcrs, &tr, &made, &data, &hash, &ticket);
  Esys<void> a(made), b(data), c(hash), d(ticket);
  if (rc != TSS2_RC_SUCCESS) return hierarchy_error(context, rc, hierarchy, "create a primary key");
  return TpmHandle(context, tr, TpmHandle::Kind::flushed);
}

Result<CreatedKey> create_told(TpmContext& context, const TpmHandle& parent, const TPM2B_PUBLIC& key_template, View auth) {
  TPM2B_SENSITIVE_CREATE sensitive{};
  TRY(sensitive.sensitive.userAuth, sized<TPM2B_AUTH>(auth, "tpm: authorisation value"));
  TPM2B_PRIVATE* priv = nullptr;
  TPM2B_PUBLIC* pub = nullptr;
  TPM2B_CREATION_DATA* data = nullptr;
  TPM2B_DIGEST* hash = nullptr;
  TPMT_TK_CREATION* ticket = nullptr;
  TSS2_RC rc =
      Esys_Create(context.get(), parent.get(), ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, &sensitive,
                  &key_template, &kNoOutsideInfo, &kNoPcrs, &priv, &pub, &data, &hash, &ticket);
  OPENSSL_cleanse(&sensitive, sizeof sensitive);
  Esys<void> a(priv), b(pub), c(data), d(hash), e(ticket);
  if (rc != TSS2_RC_SUCCESS) return context.failure(rc, "create a key");
  CreatedKey out{{*pub, *priv}, {}};
  TRY(out.creation.data, marshalled(data->creationData, Tss2_MU_TPMS_CREATION_DATA_Marshal));
  out.creation.hash = *hash;
  out.creation.ticket = *ticket;
  return out;
}

Result<WrappedKey> create_child(TpmContext& context, const TpmHandle& parent,
                                const TPM2B_PUBLIC& key_template, View auth) {
  TRY(CreatedKey created, create_told(context, parent, key_template, auth));
  return created.key;
}

Result<TpmHandle> load_child(TpmContext& context, const TpmHandle& parent, const WrappedKey& key) {
  ESYS_TR tr = ESYS_TR_NONE;
  TSS2_RC rc = Esys_Load(context.get(), parent.get(), ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, &key.priv,
                         &key.pub, &tr);
  if ((rc & 0xbf) == (TPM2_RC_INTEGRITY & 0xbf) && (rc & TSS2_RC_LAYER_MASK) != TSS2_TCTI_RC_LAYER)
    return Error{Errc::mismatch,
                 "tpm: this key was not made under this parent of this TPM; remedy: make it in this TPM, under the "
                 "owner hierarchy's P-256 primary or a persistent key"};
  if (rc != TSS2_RC_SUCCESS) return context.failure(rc, "load a key");
  return TpmHandle(context, tr, TpmHandle::Kind::flushed);
}

Result<TPM2B_PUBLIC> read_public(TpmContext& context, const TpmHandle& object) {
  TPM2B_PUBLIC* pub = nullptr;
  TPM2B_NAME *name = nullptr, *qualified = nullptr;
  TSS2_RC rc = Esys_ReadPublic(context.get(), object.get(), ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &pub,
                               &name, &qualified);
  Esys<void> a(pub), b(name), c(qualified);
  if (rc != TSS2_RC_SUCCESS) return context.failure(rc, "read a public area");
  return *pub;
}

Result<Bytes> public_bytes(const TPM2B_PUBLIC& area) {
  return marshalled(area.publicArea, Tss2_MU_TPMT_PUBLIC_Marshal);
}

}  // namespace attest
