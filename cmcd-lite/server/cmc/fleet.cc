#include "cmcd-lite/server/cmc/fleet.h"

#include <unistd.h>

#include <algorithm>
#include <memory>

#include "evidence/cmc/report.h"
#include "evidence/core/file.h"
#include "evidence/core/hex.h"
#include "evidence/x509/certificate.h"

namespace attest {
namespace {

namespace fs = std::filesystem;
constexpr std::size_t kMaxItems = 1024;
constexpr std::size_t kMaxItem = 64 << 20;
constexpr std::size_t kMaxScript = 1 << 20;

Result<std::vector<Bytes>> read_roots(const std::vector<fs::path>& files) {
  std::vector<Bytes> out;
  for (const fs::path& file : files) {
    TRY(auto roots, read_certificates(file));
    out.insert(out.end(), roots.begin(), roots.end());
  }
  return out;
}

Status load_roots(Fleet& fleet) {
  const CmcConfig& config = fleet.config;
  TRY(auto signers, read_roots(config.signer_roots));
  TRY(auto keys, read_roots(config.ak_roots));
  if (!signers.empty() && !keys.empty()) {
    TRY(TrustStore of_signers, TrustStore::make(signers));
    TRY(TrustStore of_keys, TrustStore::make(keys));
    fleet.memory = std::make_shared<cmc::Memory>(std::move(of_signers), std::move(of_keys));
  }
  fleet.roots = std::move(signers);
  if (!config.one_root) fleet.roots.insert(fleet.roots.end(), keys.begin(), keys.end());
  return ok();
}

// files_of lists a folder's files in the order of their names, so that two reports of one machine look alike.
std::vector<fs::path> files_of(const fs::path& path, std::vector<std::string>& warnings, const std::string& what) {
  std::error_code error;
  if (fs::is_regular_file(path, error)) return {path};
  std::vector<fs::path> out;
  for (fs::directory_iterator it(path, error), end; !error && it != end; it.increment(error))
    if (it->is_regular_file(error) && !it->path().filename().string().starts_with('.')) out.push_back(it->path());
  if (error) warnings.push_back(what + ": " + path.string() + ": " + error.message());
  std::ranges::sort(out);
  return out;
}

void load_items(Fleet& fleet, std::vector<std::string>& warnings) {
  for (const fs::path& path : fleet.config.metadata)
    for (const fs::path& file : files_of(path, warnings, "cmc.metadata")) {
      auto bytes = read_file(file, kMaxItem);
      if (!bytes || !cmc::encoding_of(*bytes) || fleet.items.size() == kMaxItems) {
        warnings.push_back("cmc.metadata: " + (bytes ? file.string() + ": neither JSON nor CBOR, or more than 1024 items"
                                                     : bytes.error().what));
        continue;
      }
      std::string digest = to_hex(hash_of(fleet.config.hash, {*bytes}).view());
      if (std::ranges::find(fleet.items, digest, &SignedItem::digest) == fleet.items.end())
        fleet.items.push_back({std::move(digest), *std::move(bytes)});
    }
  if (fleet.items.empty()) warnings.push_back("cmc.metadata: this machine claims no metadata in its CMC reports");
}

Status load_staples(Fleet& fleet, std::vector<std::string>& warnings) {
  if (!fleet.config.staple) return ok();
  TRY(auto roots, read_roots(fleet.config.signer_roots));
  TRY(TrustStore signers, TrustStore::make(roots));
  fleet.staples = Staples::load(fleet.config, std::move(signers), fleet.items, wall_clock_now(), warnings);
  return ok();
}

// load_intel reads Intel's documents; what is none is a warning, and so is a missing one, later, to those who ask for a report.
void load_intel(Fleet& fleet, std::vector<std::string>& warnings) {
  for (const fs::path& path : fleet.config.collateral)
    for (const fs::path& file : files_of(path, warnings, "cmc.collateral")) {
      auto bytes = read_file(file, kMaxCollateralBytes);
      Status added = bytes ? add_collateral(*bytes, fleet.intel) : Status(bytes.error());
      if (!added) warnings.push_back("cmc.collateral: " + file.string() + ": " + added.error().what);
    }
}

std::string host_name() {
  char name[256] = {};
  return gethostname(name, sizeof name - 1) == 0 && name[0] != 0 ? name : "unknown";
}

}  // namespace

Result<std::shared_ptr<const Fleet>> load_fleet(const CmcConfig& config, std::vector<std::string>& warnings) {
  auto fleet = std::make_shared<Fleet>();
  fleet->config = config;
  fleet->name = config.name.empty() ? host_name() : config.name;
  if (!config.used()) return std::shared_ptr<const Fleet>(std::move(fleet));
  CHECK_OK(load_roots(*fleet));
  if (!fleet->memory)
    warnings.push_back("cmc.roots: no roots of signers and attestation keys: Verify refuses every report");
  for (const fs::path& file : config.policies) {
    TRY(Bytes script, read_file(file, kMaxScript));
    fleet->policies.push_back(std::move(script));
  }
  load_items(*fleet, warnings);
  CHECK_OK(load_staples(*fleet, warnings));
  load_intel(*fleet, warnings);
  if (!config.remote_calls.empty())
    warnings.push_back("cmc.remote: \"remote_calls\" lets everybody who reaches this machine's loopback make calls that "
                       "local callers need a right for");
  return std::shared_ptr<const Fleet>(std::move(fleet));
}

}  // namespace attest
