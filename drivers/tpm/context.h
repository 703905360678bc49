// context.h: the one ESYS context of the daemon, and who owns what it lends.
#pragma once
#include <tss2/tss2_esys.h>

#include <memory>
#include <string>
#include <vector>

#include "evidence/core/owned.h"
#include "evidence/core/result.h"

namespace attest {

// Esys owns memory that an ESYS call handed out.
template <class T>
using Esys = Owned<T, Esys_Free>;

struct FreeEsys {
  void operator()(ESYS_CONTEXT* esys) const { Esys_Finalize(&esys); }
};
struct FreeTcti {
  void operator()(TSS2_TCTI_CONTEXT* tcti) const;
};

// TpmContext owns the connection to one TPM. It is opened after fork and used by one thread; nothing else may
// open the device. What it holds in the TPM (transient objects, sessions) is flushed when it opens and when
// it dies. A TPM without a resource manager shows it the leftovers of others too: they are flushed as well.
class TpmContext {
 public:
  // open connects by a TCTI string ("device:/dev/tpmrm0", "swtpm:path=/run/tpm.sock"); io when nothing
  // answers.
  static Result<std::unique_ptr<TpmContext>> open(std::string tcti);
  ~TpmContext();
  TpmContext(const TpmContext&) = delete;
  TpmContext& operator=(const TpmContext&) = delete;

  ESYS_CONTEXT* get() const { return esys_.get(); }
  // generation changes whenever the connection is made anew: every ESYS_TR from before is void.
  unsigned generation() const { return generation_; }
  // failure turns a response code into an Error that says what was tried. It remembers when the code means
  // that the connection, or what we had loaded, is gone; attempt() then opens again.
  Error failure(TSS2_RC rc, std::string_view what);
  // attempt runs op (a callable that returns a Result), and once more over a new connection when the first
  // run found the device reset or the connection dead. op must take its handles anew each time.
  template <class Op>
  auto attempt(Op&& op) -> decltype(op()) {
    if (auto status = ensure(); !status) return std::move(status).error();
    lost_ = false;
    auto result = op();
    if (result || !lost_) return result;
    close();
    if (auto status = ensure(); !status) return std::move(status).error();
    return op();
  }
  // handles lists what the TPM holds in one range (TPM2_HR_TRANSIENT, TPM2_HR_PERSISTENT, ...), at most 254.
  Result<std::vector<TPM2_HANDLE>> handles(TPM2_HANDLE first);
  // property reads one fixed or variable property (TPM2_PT_...).
  Result<std::uint32_t> property(std::uint32_t property);

 private:
  explicit TpmContext(std::string tcti) : tcti_name_(std::move(tcti)) {}
  Status ensure();
  Status start_up();
  void flush_all();
  void flush_range(TPM2_HANDLE first);
  void close();
  std::string lockout_text();

  std::string tcti_name_;
  std::unique_ptr<TSS2_TCTI_CONTEXT, FreeTcti> tcti_;
  std::unique_ptr<ESYS_CONTEXT, FreeEsys> esys_;
  unsigned generation_ = 0;
  bool lost_ = false;
};

// TpmHandle owns an ESYS_TR: a transient object or session is flushed, anything else merely forgotten. It is
// void once its context has connected anew, and must not outlive the context.
class TpmHandle {
 public:
  enum class Kind { flushed, forgotten };
  TpmHandle() = default;
  TpmHandle(TpmContext& context, ESYS_TR tr, Kind kind)
      : context_(&context), tr_(tr), generation_(context.generation()), kind_(kind) {}
  TpmHandle(TpmHandle&& other) noexcept { *this = std::move(other); }
  TpmHandle& operator=(TpmHandle&& other) noexcept;
  ~TpmHandle() { reset(); }
  bool usable() const { return context_ != nullptr && generation_ == context_->generation(); }
  ESYS_TR get() const { return tr_; }
  void reset();

 private:
  TpmContext* context_ = nullptr;
  ESYS_TR tr_ = ESYS_TR_NONE;
  unsigned generation_ = 0;
  Kind kind_ = Kind::forgotten;
};

// is_missing_handle: the TPM has no object under the handle that was named.
bool is_missing_handle(TSS2_RC rc);
// is_auth_failure: the authorisation value was wrong (TPM_RC_AUTH_FAIL, TPM_RC_BAD_AUTH).
bool is_auth_failure(TSS2_RC rc);

// open_persistent lends a persistent object or NV index; Errc::mismatch when there is none under this handle.
Result<TpmHandle> open_persistent(TpmContext& context, TPM2_HANDLE handle);

}  // namespace attest
