#include "provider/dispatch.h"

namespace attest {

ModuleContext::ModuleContext(const OSSL_CORE_HANDLE* handle, const OSSL_DISPATCH* core, ClientOptions options)
    : errors(handle, core), daemon(std::move(options)) {
  for (; core->function_id != 0; core++) {
    if (core->function_id == OSSL_FUNC_BIO_READ_EX) bio.read_ex = OSSL_FUNC_BIO_read_ex(core);
    if (core->function_id == OSSL_FUNC_BIO_GETS) bio.gets = OSSL_FUNC_BIO_gets(core);
  }
}

}  // namespace attest
