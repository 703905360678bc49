#include "drivers/tpm/context.h"

#include <openssl/crypto.h>
#include <tss2/tss2_rc.h>
#include <tss2/tss2_tctildr.h>

#include <cstdio>

namespace attest {
namespace {

constexpr TSS2_RC kLayer = TSS2_RC_LAYER_MASK;
constexpr TSS2_RC kResourceManager =
    TSS2_RESMGR_TPM_RC_LAYER;  // a TPM response code, handed on by the kernel

bool is_tpm_code(TSS2_RC rc) {
  return (rc & kLayer) == TSS2_TPM_RC_LAYER || (rc & kLayer) == kResourceManager;
}
// format_one: the error number without the handle, session or parameter it points at (TPM 2.0 part 2, 6.6).
TSS2_RC format_one(TSS2_RC rc) { return (rc & 0x80) != 0 ? rc & 0xbf : 0; }

// means_lost: reset, restarted, unplugged, or our objects are gone.
bool means_lost(TSS2_RC rc) {
  if ((rc & kLayer) == TSS2_TCTI_RC_LAYER) return true;
  if (!is_tpm_code(rc)) return false;
  TSS2_RC code = rc & ~kLayer;
  return code == TPM2_RC_INITIALIZE || (code >= TPM2_RC_REFERENCE_H0 && code <= TPM2_RC_REFERENCE_S6) ||
         is_missing_handle(rc);
}

}  // namespace

bool is_missing_handle(TSS2_RC rc) { return is_tpm_code(rc) && format_one(rc) == TPM2_RC_HANDLE; }
bool is_auth_failure(TSS2_RC rc) {
  return is_tpm_code(rc) && (format_one(rc) == TPM2_RC_AUTH_FAIL || format_one(rc) == TPM2_RC_BAD_AUTH);
}

void FreeTcti::operator()(TSS2_TCTI_CONTEXT* tcti) const { Tss2_TctiLdr_Finalize(&tcti); }

Result<std::unique_ptr<TpmContext>> TpmContext::open(std::string tcti) {
  // ESYS computes with libcrypto's default context: no configuration may be loaded into it, ours would call
  // us.
  OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, nullptr);
  std::unique_ptr<TpmContext> context(new TpmContext(std::move(tcti)));
  CHECK_OK(context->ensure());
  return context;
}

TpmContext::~TpmContext() {
  if (esys_) flush_all();
}

void TpmContext::close() {
  esys_.reset();
  tcti_.reset();
}

Status TpmContext::ensure() {
  if (esys_) return ok();
  generation_++;
  TSS2_TCTI_CONTEXT* tcti = nullptr;
  if (TSS2_RC rc = Tss2_TctiLdr_Initialize(tcti_name_.c_str(), &tcti); rc != TSS2_RC_SUCCESS)
    return failure(rc, "open " + tcti_name_);
  tcti_.reset(tcti);
  ESYS_CONTEXT* esys = nullptr;
  if (TSS2_RC rc = Esys_Initialize(&esys, tcti, nullptr); rc != TSS2_RC_SUCCESS)
    return failure(rc, "ESYS over " + tcti_name_);
  esys_.reset(esys);
  if (auto started = start_up(); !started) {
    close();
    return started;
  }
  flush_all();
  return ok();
}

// start_up sends TPM2_Startup where nobody has: behind a kernel driver it is never due, after the reset of a
// bare or software TPM it is.
Status TpmContext::start_up() {
  TPMI_YES_NO more = 0;
  TPMS_CAPABILITY_DATA* data = nullptr;
  TSS2_RC rc = Esys_GetCapability(get(), ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, TPM2_CAP_TPM_PROPERTIES,
                                  TPM2_PT_MANUFACTURER, 1, &more, &data);
  Esys<TPMS_CAPABILITY_DATA> owned(data);
  if (rc == TSS2_RC_SUCCESS) return ok();
  if (rc != TPM2_RC_INITIALIZE) return failure(rc, "ask the TPM behind " + tcti_name_);
  rc = Esys_Startup(get(), TPM2_SU_CLEAR);
  if (rc != TSS2_RC_SUCCESS && rc != TPM2_RC_INITIALIZE) return failure(rc, "TPM2_Startup");
  return ok();
}

Result<std::vector<TPM2_HANDLE>> TpmContext::handles(TPM2_HANDLE first) {
  TPMI_YES_NO more = 0;
  TPMS_CAPABILITY_DATA* data = nullptr;
  TSS2_RC rc = Esys_GetCapability(get(), ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, TPM2_CAP_HANDLES, first,
                                  TPM2_MAX_CAP_HANDLES, &more, &data);
  Esys<TPMS_CAPABILITY_DATA> owned(data);
  if (rc != TSS2_RC_SUCCESS) return failure(rc, "list handles");
  const TPML_HANDLE& list = data->data.handles;
  return std::vector<TPM2_HANDLE>(list.handle, list.handle + list.count);
}

Result<std::uint32_t> TpmContext::property(std::uint32_t property) {
  TPMI_YES_NO more = 0;
  TPMS_CAPABILITY_DATA* data = nullptr;
  TSS2_RC rc = Esys_GetCapability(get(), ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, TPM2_CAP_TPM_PROPERTIES,
                                  property, 1, &more, &data);
  Esys<TPMS_CAPABILITY_DATA> owned(data);
  if (rc != TSS2_RC_SUCCESS) return failure(rc, "read a TPM property");
  const TPML_TAGGED_TPM_PROPERTY& list = data->data.tpmProperties;
  if (list.count != 1 || list.tpmProperty[0].property != property)
    return Error{Errc::unsupported, "the TPM has no property " + std::to_string(property)};
  return list.tpmProperty[0].value;
}

void TpmContext::flush_all() {
  flush_range(TPM2_TRANSIENT_FIRST);
  flush_range(TPM2_LOADED_SESSION_FIRST);
}

// What cannot be flushed stays: the command that finds no slot will say so.
void TpmContext::flush_range(TPM2_HANDLE first) {
  auto list = handles(first);
  if (!list) return;
  for (TPM2_HANDLE handle : *list) {
    ESYS_TR tr = ESYS_TR_NONE;
    if (Esys_TR_FromTPMPublic(get(), handle, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &tr) !=
        TSS2_RC_SUCCESS)
      continue;
    if (Esys_FlushContext(get(), tr) != TSS2_RC_SUCCESS) Esys_TR_Close(get(), &tr);
  }
}

std::string TpmContext::lockout_text() {
  std::string text = "the TPM is locked against guessing (TPM_RC_LOCKOUT)";
  if (auto seconds = property(TPM2_PT_LOCKOUT_INTERVAL); seconds && *seconds != 0)
    text += "; it forgives one failure every " + std::to_string(*seconds) + " s";
  return text + "; remedy: wait, or tpm2_dictionarylockout --clear-lockout with the lockout authorisation";
}

Error TpmContext::failure(TSS2_RC rc, std::string_view what) {
  std::string text = "tpm: " + std::string(what) + ": ";
  if (is_tpm_code(rc) && (rc & ~kLayer) == TPM2_RC_LOCKOUT) return {Errc::denied, text + lockout_text()};
  lost_ = lost_ || means_lost(rc);
  char code[16];
  std::snprintf(code, sizeof code, " (0x%x)", rc);
  text += Tss2_RC_Decode(rc);
  text += code;
  return {is_auth_failure(rc) ? Errc::denied : Errc::io, std::move(text)};
}

TpmHandle& TpmHandle::operator=(TpmHandle&& other) noexcept {
  std::swap(context_, other.context_);
  std::swap(tr_, other.tr_);
  std::swap(generation_, other.generation_);
  std::swap(kind_, other.kind_);
  return *this;
}

void TpmHandle::reset() {
  if (usable() && context_->get() != nullptr) {
    if (kind_ == Kind::flushed) static_cast<void>(Esys_FlushContext(context_->get(), tr_));
    if (kind_ == Kind::forgotten) static_cast<void>(Esys_TR_Close(context_->get(), &tr_));
  }
  context_ = nullptr;
  tr_ = ESYS_TR_NONE;
}

Result<TpmHandle> open_persistent(TpmContext& context, TPM2_HANDLE handle) {
  ESYS_TR tr = ESYS_TR_NONE;
  TSS2_RC rc = Esys_TR_FromTPMPublic(context.get(), handle, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &tr);
  char name[16];
  std::snprintf(name, sizeof name, "0x%08x", handle);
  if (is_missing_handle(rc))
    return Error{Errc::mismatch, std::string("tpm: nothing is stored under ") + name};
  if (rc != TSS2_RC_SUCCESS) return context.failure(rc, std::string("open ") + name);
  return TpmHandle(context, tr, TpmHandle::Kind::forgotten);
}

}  // namespace attest
