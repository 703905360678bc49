// sw_driver.h: evidence signed by a key in a file, for tests and containers. It proves nothing about
// hardware.
#pragma once
#include "drivers/table.h"

namespace attest {

// open_sw reads the key, or makes it (EC P-256, PEM, mode 0600), and the software TLS keys. denied if others
// can read the key.
Result<OpenedDriver> open_sw(const SwDriverConfig& config);

}  // namespace attest
