#include "provider/hook/hook.h"

#include <cstring>
#include <mutex>
#include <new>

#include "provider/hook/callbacks.h"
#include "provider/hook/state.h"

namespace attest {
namespace {

std::atomic<Hook*> the_hook{nullptr};
std::mutex& arming() {
  static std::mutex mutex;
  return mutex;
}

void ctx_new(void* parent, void*, CRYPTO_EX_DATA* data, int index, long, void*) {
  Hook* hook = armed_hook();
  auto* ctx = static_cast<SSL_CTX*>(parent);
  auto* state = new (std::nothrow) CtxState;
  if (hook == nullptr || state == nullptr || CRYPTO_set_ex_data(data, index, state) != 1) {
    delete state;
    return deny_ctx(ctx);
  }
  set_up_ctx(*hook, ctx, *state);
}

void ctx_free(void*, void* ptr, CRYPTO_EX_DATA*, int, long, void*) { delete static_cast<CtxState*>(ptr); }

void ssl_new(void* parent, void*, CRYPTO_EX_DATA* data, int index, long, void*) {
  Hook* hook = armed_hook();
  auto* state = new (std::nothrow) SslState;
  if (state != nullptr && CRYPTO_set_ex_data(data, index, state) != 1) {
    delete state;
    state = nullptr;
  }
  if (hook != nullptr) set_up_ssl(*hook, static_cast<SSL*>(parent), state);
}

// A duplicate keeps the state that SSL_new gave it: nothing of a handshake is inherited.
int ssl_dup(CRYPTO_EX_DATA* to, const CRYPTO_EX_DATA*, void** ptr, int index, long, void*) {
  *ptr = CRYPTO_get_ex_data(to, index);
  return 1;
}

void ssl_free(void*, void* ptr, CRYPTO_EX_DATA*, int, long, void*) { delete static_cast<SslState*>(ptr); }

// make_hook publishes the hook before OpenSSL can call us.
Hook* make_hook(const Settings& settings, const DaemonPool& pool) noexcept {
  Reasons* reasons = Reasons::make();
  if (reasons == nullptr) return nullptr;
  Hook* hook = nullptr;
  try {
    hook = new Hook(settings, pool, *reasons);
  } catch (const std::exception&) {
    return nullptr;
  }
  the_hook.store(hook);
  hook->ssl_index = CRYPTO_get_ex_new_index(CRYPTO_EX_INDEX_SSL, 0, nullptr, ssl_new, ssl_dup, ssl_free);
  hook->ctx_index = CRYPTO_get_ex_new_index(CRYPTO_EX_INDEX_SSL_CTX, 0, nullptr, ctx_new, nullptr, ctx_free);
  if (hook->ssl_index < 0 || hook->ctx_index < 0)
    hook->denial = "hook.broken: OpenSSL gave the attest module no ex_data index (out of memory?)";
  return hook;
}

}  // namespace

Hook* armed_hook() noexcept { return the_hook.load(); }

Status arm_hook(const Settings& settings, const DaemonPool& pool, OSSL_LIB_CTX* libctx) {
  std::lock_guard lock(arming());
  Hook* hook = armed_hook();
  if (hook != nullptr && !(hook->settings == settings))
    return Error{Errc::denied,
                 "config.bad: this process already obeys other attest-* parameters; one openssl.cnf a "
                 "process, please"};
  if (hook == nullptr) hook = make_hook(settings, pool);
  if (hook == nullptr) return Error{Errc::io, "internal: no memory to arm the handshake hook"};
  if (const char* denial = hook->denial) return Error{Errc::denied, denial};
  hook->libctx = libctx;
  return ok();
}

void disarm_keys(OSSL_LIB_CTX* libctx) noexcept {
  if (Hook* hook = armed_hook()) hook->libctx.compare_exchange_strong(libctx, nullptr);
}

void arm_denial(std::string_view reason) noexcept {
  std::lock_guard lock(arming());
  try {
    Hook* hook = armed_hook();
    if (hook == nullptr) hook = make_hook({}, DaemonPool({}));
    if (hook == nullptr) return;
    if (hook->denial == nullptr) hook->denial = ::strdup(std::string(reason).c_str());  // kept, like the hook
    if (hook->denial == nullptr) hook->denial = "internal: out of memory while refusing to load";
    hook->refuse("load", reason);
  } catch (const std::exception&) {
    if (Hook* hook = armed_hook()) hook->denial = "internal: out of memory while refusing to load";
  }
}

std::optional<Call> call_of(const SSL* ssl) {
  Hook* hook = armed_hook();
  SslState* state = hook == nullptr || ssl == nullptr ? nullptr : state_of(*hook, ssl);
  if (state == nullptr) return std::nullopt;
  SSL* handle = const_cast<SSL*>(ssl);  // the security callback alone lends it const
  return Call{*hook, handle, *state, SSL_is_server(handle) == 1};
}

}  // namespace attest
