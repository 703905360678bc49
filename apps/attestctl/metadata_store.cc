#include "apps/attestctl/metadata_store.h"

#include <filesystem>

#include "apps/attestctl/files.h"
#include "evidence/cmc/cose.h"
#include "evidence/core/file.h"
#include "evidence/core/hex.h"
#include "evidence/metadata/set_list.h"
#include "evidence/x509/certificate.h"
#include "evidence/x509/chain.h"

namespace attest::ctl {
namespace {

namespace fs = std::filesystem;

std::string plain_name(const std::string& foreign) {
  std::string name;
  for (char c : foreign.substr(0, 64)) {
    bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
    name += plain ? c : '_';
  }
  return name;
}

// file_name keeps letters, digits, dot and dash of a foreign name; the digest makes it unique.
std::string file_name(const Metadata& metadata, const Digest& digest, bool cose) {
  return plain_name(metadata.name) + "-" + short_hex(digest.view()) + (cose ? ".cbor" : ".json");
}

}  // namespace

const char* type_text(MetadataType type) {
  switch (type) {
    case MetadataType::manifest:
      return "manifest";
    case MetadataType::image_description:
      return "image description";
    case MetadataType::company_description:
      return "company description";
    case MetadataType::omsp_response:
      return "status response";
  }
  return "unknown";
}

Result<std::vector<Bytes>> read_roots(const std::vector<std::string>& pem_files) {
  std::vector<Bytes> roots;
  for (const std::string& path : pem_files) {
    TRY(std::vector<Bytes> certificates, read_certificates(path));
    roots.insert(roots.end(), certificates.begin(), certificates.end());
  }
  return roots;
}

Result<MetadataStore> MetadataStore::open(const std::string& config_path) {
  MetadataStore store;
  TRY(store.config_, read_daemon_config(config_path));
  if (store.config_.metadata_folder.empty())
    return Error{Errc::denied, config_path + ": no \"metadata\" with a folder and signers is configured"};
  TRY(store.roots_, read_roots(store.config_.signers));
  return store;
}

Status MetadataStore::store(StoredItem& stored, View item) const {
  CHECK_OK(make_folder(config_.metadata_folder, 0700));
  std::error_code failed;
  stored.fresh = !fs::exists(stored.path, failed);
  CHECK_OK(write_file_atomic(stored.path, item, 0644));
  return give_to_daemon(config_, stored.path);
}

Result<StoredItem> MetadataStore::import_list(View item) const {
  TRY(TrustStore signers, TrustStore::make(roots_));
  TRY(auto list, verify_set_list(item, signers, wall_clock_now()));
  std::string number = std::to_string(list->sequence);
  StoredItem stored{list->name, "number " + number, to_hex(list->digest.view()),
                    config_.metadata_folder + "/" + plain_name(list->name) + "-" + number + ".list", false};
  CHECK_OK(store(stored, item));
  return stored;
}

Result<StoredItem> MetadataStore::import(View item) const {
  TRY(MetadataItem verified, verify_metadata(item, roots_, wall_clock_now()));
  const Metadata& metadata = *verified.metadata;
  StoredItem stored{metadata.name, metadata.version, to_hex(verified.digest.view()),
                    config_.metadata_folder + "/" + file_name(metadata, verified.digest, cmc::is_cose(item)), false};
  CHECK_OK(store(stored, item));
  return stored;
}

Result<MetadataItem> MetadataStore::find(MetadataType type, const std::string& name) const {
  std::optional<MetadataItem> newest;
  std::error_code failed;
  for (const auto& entry : fs::directory_iterator(config_.metadata_folder, failed)) {
    Result<Bytes> bytes = read_file(entry.path(), kMaxInput);
    if (!bytes) continue;
    Result<MetadataItem> item = verify_metadata(*bytes, roots_, wall_clock_now());
    if (!item || item->metadata->type != type || item->metadata->name != name) continue;
    if (!newest || newest->metadata->version_time < item->metadata->version_time) newest = *std::move(item);
  }
  if (newest) return *std::move(newest);
  return Error{Errc::mismatch, std::string(type_text(type)) + " \"" + name + "\": not in " +
                                   config_.metadata_folder + " under a signer this machine trusts"};
}

}  // namespace attest::ctl
