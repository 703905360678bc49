// build_time.h: when this program was made.
#pragma once
#include "evidence/core/time.h"

namespace attest {

// build_time: no clock may lie behind it. SOURCE_DATE_EPOCH sets it for builds that must be alike.
UnixTime build_time();

}  // namespace attest
