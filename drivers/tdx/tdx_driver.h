// tdx_driver.h: an Intel TDX guest as a source of evidence, through configfs-tsm.
#pragma once
#include "drivers/table.h"
#include "drivers/tsm/report.h"

namespace attest {

// open_tdx asks for one quote to learn which platform this is. denied where the host's quoting service gives
// a quote without the PCK certificate chain, or an event log is named that cannot be read; the text names the
// remedy.
Result<OpenedDriver> open_tdx(const TdxDriverConfig& config);
// open_tdx_with is the same over another file system than the kernel's.
Result<OpenedDriver> open_tdx_with(const TdxDriverConfig& config, TsmReporter::Options options);

}  // namespace attest
