// hook.h: the one hook of a process: what every SSL_CTX and SSL made after arming is subject to.
#pragma once
#include <openssl/ssl.h>

#include <atomic>

#include "provider/daemon.h"
#include "provider/hook/debug_log.h"
#include "provider/hook/reasons.h"
#include "provider/params.h"

namespace attest {

// Hook holds the settings and the ex_data indexes. It is made once and never destroyed: SSL objects may
// outlive the provider and OPENSSL_cleanup, and the module is never unloaded (-z nodelete).
struct Hook {
  Hook(Settings s, DaemonPool p, Reasons& r)
      : settings(std::move(s)),
        pool(std::move(p)),
        reasons(r),
        log(settings.debug_path, settings.debug_level) {}
  const Settings settings;
  const DaemonPool pool;
  Reasons& reasons;
  const DebugLog log;
  std::atomic<const char*> denial{
      nullptr};  // set: every handshake of this process is refused, for this reason
  std::atomic<int> ctx_index{-1};
  std::atomic<int> ssl_index{-1};
  std::atomic<OSSL_LIB_CTX*> libctx{
      nullptr};  // the program's context our keys are in, while the provider lives

  // refuse puts the reason on the program's error queue, and in the log where one was asked for.
  void refuse(const char* who, std::string_view text) const noexcept {
    reasons.raise(text);
    log.line(1, who, text);
  }
};

// armed_hook lends the process's hook; nullptr before arming. Every callback runs after arming.
Hook* armed_hook() noexcept;

// arm_hook registers the ex_data callbacks, so that OpenSSL calls us for every SSL_CTX and SSL made
// afterwards. A second call with the same settings finds the hook armed; one with other settings is refused,
// since an object cannot tell which of two configurations it obeys. A failure in mid-way leaves the process
// denied, never half armed.
Status arm_hook(const Settings& settings, const DaemonPool& pool, OSSL_LIB_CTX* libctx);

// disarm_keys forgets the library context of a provider that is being unloaded; the hook itself stays armed.
void disarm_keys(OSSL_LIB_CTX* libctx) noexcept;

// arm_denial refuses every handshake of this process from now on: for a module that must refuse to load, in a
// program that would carry on without it.
void arm_denial(std::string_view reason) noexcept;

}  // namespace attest
