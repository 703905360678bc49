#include "cmcd-lite/server/process/build_time.h"

namespace attest {

UnixTime build_time() { return ATTEST_BUILD_TIME; }

}  // namespace attest
