// OSSL_provider_init: read the parameters, arm the hook, and only then load the algorithms the program lives
// on. A module that is missing, broken or refused leaves the process without any (docs/ARCHITECTURE.md, "Fail
// closed").
#include <dlfcn.h>
#include <openssl/core_names.h>
#include <openssl/params.h>
#include <openssl/provider.h>

#include <atomic>
#include <cstdlib>

#include "provider/dispatch.h"
#include "provider/hook/hook.h"

namespace attest {
namespace {

// give_back_default: when a library context ends, OpenSSL has taken the default provider down before us, and
// refuses our reference to it. It is kept in sight until the process ends, which is when this happens.
void give_back_default(OSSL_PROVIDER* defaults) noexcept {
  static std::atomic<OSSL_PROVIDER*> kept{nullptr};
  if (defaults != nullptr && OSSL_PROVIDER_unload(defaults) != 1) kept = defaults;
}

struct Module : ModuleContext {
  Module(const OSSL_CORE_HANDLE* handle, const OSSL_DISPATCH* core, Settings s, Switch w)
      : ModuleContext(handle, core, s.daemon), settings(std::move(s)), fail_closed(w) {}
  ~Module() {
    disarm_keys(libctx);
    give_back_default(defaults);
  }
  Module(const Module&) = delete;
  Module& operator=(const Module&) = delete;
  const Settings settings;
  const Switch fail_closed;
  OSSL_LIB_CTX* libctx = nullptr;
  OSSL_PROVIDER* defaults = nullptr;
  std::string state;  // lent to whoever asked for the build info last
};

struct Core {
  OSSL_FUNC_core_get_params_fn* get_params = nullptr;
  OSSL_FUNC_core_get_libctx_fn* get_libctx = nullptr;
};

Core find_core(const OSSL_DISPATCH* in) {
  Core core;
  for (; in->function_id != 0; in++) {
    if (in->function_id == OSSL_FUNC_CORE_GET_PARAMS) core.get_params = OSSL_FUNC_core_get_params(in);
    if (in->function_id == OSSL_FUNC_CORE_GET_LIBCTX) core.get_libctx = OSSL_FUNC_core_get_libctx(in);
  }
  return core;
}

// library_of names the file an address is in; empty if it is in none.
std::string library_of(const void* address, const void** base) {
  Dl_info info{};
  *base = nullptr;
  if (::dladdr(address, &info) == 0) return {};
  *base = info.dli_fbase;
  return info.dli_fname == nullptr ? "" : info.dli_fname;
}

// same_library: a program may hold two libcryptos. The hook would arm the wrong one, and nobody would notice.
Status same_library(const Core& core) {
  const void *theirs = nullptr, *ours = nullptr;
  std::string loader = library_of(reinterpret_cast<const void*>(core.get_params), &theirs);
  std::string bound = library_of(reinterpret_cast<const void*>(&CRYPTO_get_ex_new_index), &ours);
  if (theirs != nullptr && theirs == ours) return ok();
  return Error{Errc::denied, "hook.broken: loaded by " + loader + " but bound to " + bound +
                                 "; the program carries a libcrypto of its own and cannot be attested"};
}

Result<Settings> settings_of(const Core& core, const OSSL_CORE_HANDLE* handle, const ConfLines& lines) {
  auto source = [&](const char* name) -> const char* {
    char* value = nullptr;
    OSSL_PARAM wanted[] = {OSSL_PARAM_construct_utf8_ptr(name, &value, 0), OSSL_PARAM_construct_end()};
    return core.get_params(handle, wanted) == 1 ? value : nullptr;
  };
  TRY(Settings settings, read_settings(source, lines));
  if (const char* debug = ::secure_getenv("ATTEST_DEBUG"))
    if (Status s = parse_debug(debug, settings); !s)
      return Error{Errc::denied,
                   "config.bad: ATTEST_DEBUG = \"" + std::string(debug) + "\": " + s.error().what};
  return settings;
}

// set_up arms the hook before anything can be done with the library, then loads the default provider.
Status set_up(Module& module, const Core& core, const OSSL_CORE_HANDLE* handle) {
  module.libctx = reinterpret_cast<OSSL_LIB_CTX*>(core.get_libctx(handle));
  CHECK_OK(arm_hook(module.settings, module.daemon, module.libctx));
  module.defaults = OSSL_PROVIDER_load(module.libctx, "default");
  if (module.defaults == nullptr || !put_default_first(module.libctx))
    return Error{Errc::io, "internal: OpenSSL has no default provider"};
  return ok();
}

Result<std::unique_ptr<Module>> make_module(const OSSL_CORE_HANDLE* handle, const OSSL_DISPATCH* in) {
  Core core = find_core(in);
  if (core.get_params == nullptr || core.get_libctx == nullptr)
    return Error{Errc::unsupported, "hook.broken: this OpenSSL lends no parameters"};
  CHECK_OK(same_library(core));
  ConfLines lines = default_conf_lines();
  TRY(Settings settings, settings_of(core, handle, lines));
  auto module = std::make_unique<Module>(handle, in, std::move(settings), find_switch(lines));
  CHECK_OK(set_up(*module, core, handle));
  return module;
}

std::string daemon_state(const ClientOptions& options) {
  auto connection = Connection::open(options);
  return connection ? "reachable" : connection.error().what;
}

// describe is what an administrator sees: `openssl list -providers -verbose` shows the build info and no
// other parameter.
std::string describe(const Module& m) {
  const Settings& s = m.settings;
  const char* denial = armed_hook() == nullptr ? nullptr : armed_hook()->denial.load();
  return "attest " ATTEST_VERSION "; socket " + s.daemon.socket + ": " + daemon_state(s.daemon) +
         "; demands of clients: " + mode_name(s.server) + ", of servers: " + mode_name(s.client) +
         "; gives evidence: " + (s.evidence ? "yes" : "no") + "; policy " +
         (s.policy.empty() ? "default" : s.policy) + (s.peer.empty() ? "" : "; peer " + s.peer) +
         "; if the module is missing: " + switch_name(m.fail_closed) +
         (denial == nullptr ? "" : std::string("; EVERY HANDSHAKE REFUSED: ") + denial);
}

Module& module_of(void* provctx) { return *static_cast<Module*>(static_cast<ModuleContext*>(provctx)); }

void teardown(void* provctx) noexcept { delete &module_of(provctx); }

const OSSL_PARAM* gettable_params(void*) noexcept {
  static const OSSL_PARAM kParams[] = {OSSL_PARAM_utf8_ptr(OSSL_PROV_PARAM_NAME, nullptr, 0),
                                       OSSL_PARAM_utf8_ptr(OSSL_PROV_PARAM_VERSION, nullptr, 0),
                                       OSSL_PARAM_utf8_ptr(OSSL_PROV_PARAM_BUILDINFO, nullptr, 0),
                                       OSSL_PARAM_int(OSSL_PROV_PARAM_STATUS, nullptr), OSSL_PARAM_END};
  return kParams;
}

int set_text(OSSL_PARAM* params, const char* name, const char* text) {
  OSSL_PARAM* p = OSSL_PARAM_locate(params, name);
  return p == nullptr ? 1 : OSSL_PARAM_set_utf8_ptr(p, text);
}

int get_params(void* provctx, OSSL_PARAM params[]) noexcept {
  Module& m = module_of(provctx);
  return at_edge(m.errors, 0, [&] {
    OSSL_PARAM* status = OSSL_PARAM_locate(params, OSSL_PROV_PARAM_STATUS);
    bool denied = armed_hook() == nullptr || armed_hook()->denial.load() != nullptr;
    if (status != nullptr && OSSL_PARAM_set_int(status, denied ? 0 : 1) != 1) return 0;
    if (OSSL_PARAM_locate(params, OSSL_PROV_PARAM_BUILDINFO) != nullptr) m.state = describe(m);
    return set_text(params, OSSL_PROV_PARAM_NAME, "attest: attested TLS 1.3") == 1 &&
                   set_text(params, OSSL_PROV_PARAM_VERSION, ATTEST_VERSION) == 1 &&
                   set_text(params, OSSL_PROV_PARAM_BUILDINFO, m.state.c_str()) == 1
               ? 1
               : 0;
  });
}

const OSSL_ALGORITHM* query(void*, int operation, int* no_cache) noexcept {
  *no_cache = 0;
  return query_keys(operation);
}

const OSSL_ITEM* reason_strings(void*) noexcept { return Errors::reason_strings(); }

template <class F>
constexpr OSSL_DISPATCH entry(int id, F* function) {
  return {id, reinterpret_cast<void (*)()>(function)};
}

const OSSL_DISPATCH* dispatch() {
  static const OSSL_DISPATCH kTable[] = {entry(OSSL_FUNC_PROVIDER_TEARDOWN, teardown),
                                         entry(OSSL_FUNC_PROVIDER_GETTABLE_PARAMS, gettable_params),
                                         entry(OSSL_FUNC_PROVIDER_GET_PARAMS, get_params),
                                         entry(OSSL_FUNC_PROVIDER_QUERY_OPERATION, query),
                                         entry(OSSL_FUNC_PROVIDER_GET_REASON_STRINGS, reason_strings),
                                         {0, nullptr}};
  return kTable;
}

// Where the program goes on without a provider that refuses to load, its handshakes must not.
int refuse_to_load(std::string_view why) noexcept {
  arm_denial(why);
  return 0;
}

}  // namespace
}  // namespace attest

extern "C" __attribute__((visibility("default"))) int OSSL_provider_init(const OSSL_CORE_HANDLE* handle,
                                                                         const OSSL_DISPATCH* in,
                                                                         const OSSL_DISPATCH** out,
                                                                         void** provctx) {
  try {
    auto module = attest::make_module(handle, in);
    if (!module) return attest::refuse_to_load(module.error().what);
    *out = attest::dispatch();
    *provctx = static_cast<attest::ModuleContext*>(module->release());
    return 1;
  } catch (const std::exception&) {
    return attest::refuse_to_load("internal: out of memory while loading the attest module");
  }
}
