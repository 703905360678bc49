// snp_driver.h: an AMD SEV-SNP guest as a source of evidence, through configfs-tsm.
#pragma once
#include "drivers/table.h"
#include "drivers/tsm/report.h"
#include "evidence/snp/report.h"

namespace attest {

// open_snp asks for one report to learn which chip this is and which key signs. denied where neither the host nor a file gives
// the certificate of that key, or gives one for other firmware; the text says where AMD publishes the right one.
Result<OpenedDriver> open_snp(const SnpDriverConfig& config);
// open_snp_with is the same over another file system than the kernel's.
Result<OpenedDriver> open_snp_with(const SnpDriverConfig& config, TsmReporter::Options options);

// kds_url is where AMD publishes the certificate of the VCEK that signed a report; empty for a VLEK, for an unknown product, and
// where the host masks the chip id.
std::string kds_url(const SnpReport& report, SnpProduct product);

}  // namespace attest
