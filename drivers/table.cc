#include "drivers/table.h"

#include <algorithm>

#include "drivers/azure/azure_driver.h"
#include "drivers/sgx/sgx_driver.h"
#include "drivers/snp/snp_driver.h"
#include "drivers/sw/sw_driver.h"
#include "drivers/tdx/tdx_driver.h"
#include "drivers/tpm/tpm_driver.h"

namespace attest {
namespace {

// azure stands before tpm: it reads the same TPM and lets it go, and not every TPM takes two at a time.
constexpr DriverRow kDrivers[] = {
    {"azure", AnchorKind::azure, [](const DriverConfig& config) { return config.azure.has_value(); },
     [](const DriverConfig& config) { return open_azure(*config.azure); }},
    {"tpm", AnchorKind::tpm, [](const DriverConfig& config) { return config.tpm.has_value(); },
     [](const DriverConfig& config) { return open_tpm(*config.tpm); }},
    {"sw", AnchorKind::sw, [](const DriverConfig& config) { return config.sw.has_value(); },
     [](const DriverConfig& config) { return open_sw(*config.sw); }},
    {"snp", AnchorKind::snp, [](const DriverConfig& config) { return config.snp.has_value(); },
     [](const DriverConfig& config) { return open_snp(*config.snp); }},
    {"tdx", AnchorKind::tdx, [](const DriverConfig& config) { return config.tdx.has_value(); },
     [](const DriverConfig& config) { return open_tdx(*config.tdx); }},
    {"sgx", AnchorKind::sgx, [](const DriverConfig& config) { return config.sgx.has_value(); },
     [](const DriverConfig& config) { return open_sgx(*config.sgx); }},
};

}  // namespace

std::span<const DriverRow> driver_table() { return kDrivers; }

const DriverRow* find_driver(std::string_view name) {
  auto row = std::ranges::find(kDrivers, name, [](const DriverRow& r) { return std::string_view(r.name); });
  return row == std::end(kDrivers) ? nullptr : row;
}

}  // namespace attest
