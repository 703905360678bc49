// table.h: every driver, one row each.
#pragma once
#include "drivers/config.h"
#include "drivers/container/recorder.h"
#include "drivers/driver.h"

namespace attest {

struct DriverConfig {
  std::optional<TpmDriverConfig> tpm{};
  std::optional<SwDriverConfig> sw{};
  std::optional<SnpDriverConfig> snp{};
  std::optional<TdxDriverConfig> tdx{};
  std::optional<SgxDriverConfig> sgx{};
  std::optional<AzureDriverConfig> azure{};
};

// OpenedDriver is one device and what it offers. driver is always there; enroller only where keys can be
// certified through an endorsement key; keys where the device keeps TLS keys; containers where started ones are measured
// into it. All share the device: destroy and call them on one thread.
struct OpenedDriver {
  std::unique_ptr<Driver> driver;
  std::unique_ptr<KeyStore> keys;
  std::unique_ptr<Enroller> enroller;
  std::unique_ptr<ContainerRecorder> containers;
};

struct DriverRow {
  const char* name;  // "tpm", "sw": the configuration's key
  AnchorKind kind;
  bool (*configured)(const DriverConfig& config);
  // open must be called after fork. io: the device does not answer (worth another try later); denied: it
  // answers, but must not be used as it is, and the text names the remedy.
  Result<OpenedDriver> (*open)(const DriverConfig& config);
};

// driver_table lends the constant table.
std::span<const DriverRow> driver_table();
// find_driver is a row by its name; nullptr if there is none.
const DriverRow* find_driver(std::string_view name);

}  // namespace attest
