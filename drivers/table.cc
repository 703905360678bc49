#include "drivers/table.h"

#include "drivers/snp/snp_driver.h"
#include "drivers/sw/sw_driver.h"
#include "drivers/tpm/tpm_driver.h"

namespace attest {
namespace {

constexpr DriverRow kDrivers[] = {
    {"tpm", AnchorKind::tpm, [](const DriverConfig& config) { return config.tpm.has_value(); },
     [](const DriverConfig& config) { return open_tpm(*config.tpm); }},
    {"sw", AnchorKind::sw, [](const DriverConfig& config) { return config.sw.has_value(); },
     [](const DriverConfig& config) { return open_sw(*config.sw); }},
    {"snp", AnchorKind::snp, [](const DriverConfig& config) { return config.snp.has_value(); },
     [](const DriverConfig& config) { return open_snp(*config.snp); }},
};

}  // namespace

std::span<const DriverRow> driver_table() { return kDrivers; }

}  // namespace attest
