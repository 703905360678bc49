// errors.h: the one place that puts reasons on the program's OpenSSL error queue, and the C edge no exception
// crosses.
#pragma once
#include <openssl/core.h>
#include <openssl/core_dispatch.h>

#include <utility>

#include "evidence/core/result.h"

namespace attest {

// Reason numbers a row of the table in errors.cc. Numbers are visible in error codes: append, never reorder.
enum class Reason : int {
  internal = 1,  // no memory, or an error of OpenSSL itself
  refused,       // any other refusal: the name stands in the data
  daemon_unreachable,
  daemon_timeout,
  daemon_wrong_owner,
  daemon_denied,
  daemon_answer,  // an answer that makes no sense
  daemon_forked,
  key_unknown,
  key_reference,
  key_digest,
  key_content,
  key_scheme,
  key_changed,
  key_private,
  daemon_overloaded,  // from here: refusals the daemon names
  daemon_stopping,
  daemon_internal,
  daemon_protocol,
  tpm_unavailable,
  sign_scheme,
  sign_content,
};

// reason_of finds the row whose name begins the text ("daemon.unreachable: …"); without one, peer_refused for
// a text that begins with another stable name ("pcr.unexpected-event: …"), else internal or refused by the
// code.
Reason reason_of(const Error& error) noexcept;

// Errors raises reasons through the functions the core lends at init. Copyable; a default one is silent.
// What people see: "attest::daemon.unreachable: …(remedy)" with the whole text of the error as its data. (The
// hook's refusals, raised far from any dispatched function, have a library of their own: hook/reasons.h.)
class Errors {
 public:
  Errors() = default;
  // Errors keeps handle and looks the functions up in the core's dispatch table; both outlive the provider.
  Errors(const OSSL_CORE_HANDLE* handle, const OSSL_DISPATCH* core);
  void raise(Reason reason, const char* text) const noexcept;
  void raise(const Error& error) const noexcept { raise(reason_of(error), error.what.c_str()); }
  // reason_strings is the answer to OSSL_FUNC_PROVIDER_GET_REASON_STRINGS.
  static const OSSL_ITEM* reason_strings();

 private:
  const OSSL_CORE_HANDLE* handle_ = nullptr;
  OSSL_FUNC_core_new_error_fn* new_error_ = nullptr;
  OSSL_FUNC_core_set_error_debug_fn* set_error_debug_ = nullptr;
  OSSL_FUNC_core_vset_error_fn* vset_error_ = nullptr;
};

// at_edge runs body at the C edge: whatever is thrown becomes a reason on the queue and the answer `failed`.
template <class T, class F>
T at_edge(const Errors& errors, T failed, F&& body) noexcept {
  try {
    return std::forward<F>(body)();
  } catch (...) {  // std::bad_alloc, or a mistake of ours: fail closed either way
    errors.raise(Reason::internal, "internal: no memory or an unexpected exception");
    return failed;
  }
}

}  // namespace attest
