// metadata_store.h: the daemon's metadata folder as attestctl fills it.
#pragma once
#include "apps/attestctl/daemon_config.h"
#include "evidence/core/bytes.h"
#include "evidence/metadata/metadata.h"

namespace attest::ctl {

struct StoredItem {
  std::string name;
  std::string version;
  std::string digest;  // SHA-256, hex
  std::string path;
  bool fresh = false;  // false: the very same item was there already
};

// MetadataStore verifies items against the signer roots of cmcd.json before they reach the folder.
class MetadataStore {
 public:
  static Result<MetadataStore> open(const std::string& config_path);
  // import stores a signed item under a name made of its type, name and digest, never of its own choosing.
  Result<StoredItem> import(View item) const;
  // import_list does the same for a set list; it stands beside the items as NAME-SEQUENCE.list.
  Result<StoredItem> import_list(View item) const;
  // find returns the newest item of a name that verifies; mismatch if there is none.
  Result<MetadataItem> find(MetadataType type, const std::string& name) const;
  const std::vector<Bytes>& roots() const { return roots_; }
  const DaemonConfig& config() const { return config_; }

 private:
  Status store(StoredItem& stored, View item) const;
  DaemonConfig config_;
  std::vector<Bytes> roots_;  // DER
};

// type_text is how a person calls a type: "manifest", "image description".
const char* type_text(MetadataType type);

// read_roots reads PEM files into DER certificates.
Result<std::vector<Bytes>> read_roots(const std::vector<std::string>& pem_files);

}  // namespace attest::ctl
