// error_mark.h: OpenSSL's error queue, left as it was found.
#pragma once
#include <openssl/err.h>

namespace attest {

// ErrorMark drops what OpenSSL queued on this thread since it was made: our errors are values, and a
// program's own error queue must not fill with them.
class ErrorMark {
 public:
  ErrorMark() { ERR_set_mark(); }
  ~ErrorMark() { ERR_pop_to_mark(); }
  ErrorMark(const ErrorMark&) = delete;
  ErrorMark& operator=(const ErrorMark&) = delete;
};

}  // namespace attest
