// named_error.h: errors as callers see them: a stable name and a text.
#pragma once
#include "cmcd-lite/protocol/messages.h"

namespace attest {

// Inside the daemon an Error's text begins with its stable name: "daemon.denied: uid 33 may not …".
// named_error parts the two; a text without a name gets "daemon.protocol", "daemon.denied" or
// "daemon.internal" after its code.
ErrorAnswer named_error(const Error& error);

// error_frame is the whole frame of an error.
Bytes error_frame(const Error& error);

inline Error busy(const char* what) {
  return {Errc::io, std::string("daemon.overloaded: too many calls wait for ") + what + "; try again"};
}

}  // namespace attest
