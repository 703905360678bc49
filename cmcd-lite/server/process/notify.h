// notify.h: readiness for the service manager (sd_notify(3)), without libsystemd.
#pragma once
#include <string_view>

#include "evidence/core/result.h"

namespace attest {

// notify_manager sends a state such as "READY=1" to the datagram socket named in NOTIFY_SOCKET: a path, or an
// abstract name after '@'. ok without the variable; io if the socket does not take it.
Status notify_manager(std::string_view state);

}  // namespace attest
