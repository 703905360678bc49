// tls_keys.h: the TLS keys that CMC's API made, with their certificates.
#pragma once
#include <filesystem>
#include <map>
#include <mutex>

#include "cmcd-lite/server/engine/fleet_board.h"
#include "drivers/driver.h"
#include "evidence/core/owned.h"

namespace attest {

// FleetKey is one key. Those in the TPM are in its key store under tpm_name(id); those of software are here alone.
struct FleetKey {
  std::string id;  // UUID
  bool in_tpm = false;
  Bytes spki_der;
  std::vector<Bytes> chain;                  // DER, leaf first
  CertificateTerm term;                      // of the leaf
  std::shared_ptr<EVP_PKEY> software;        // unset for a key in the TPM
};

// FleetKeyTerm is what there is to know of a key for its certificate to be renewed.
struct FleetKeyTerm {
  std::string id;
  Digest spki;
  CertificateTerm term;
};

// FleetKeys keeps keys in FOLDER/ID.pem (software) and certificates in FOLDER/ID.chain. Thread safe; the keys it hands
// out live as long as they are used. They are never those of handshakes: TLSSign signs digests, which those never do.
class FleetKeys {
 public:
  // open reads the folder, which may be absent; a file that cannot be used is an error that names it.
  Status open(std::filesystem::path folder);
  std::optional<FleetKey> find(std::string_view id) const;
  // add stores the key (a software key's private half included) before it is there for anybody.
  Status add(FleetKey key);
  // renew puts another chain for the same key in the place of the present one, for everybody at once; mismatch for another key.
  Status renew(std::string_view id, std::vector<Bytes> chain);
  std::vector<FleetKeyTerm> terms() const;
  std::size_t size() const;
  static constexpr std::size_t kMaxKeys = 1024;
  static std::string tpm_name(std::string_view id) { return "cmc-" + std::string(id); }

 private:
  Status read_chain(const std::filesystem::path& path);
  mutable std::mutex mutex_;
  std::filesystem::path folder_;
  std::map<std::string, FleetKey, std::less<>> keys_;
};

// new_key_id is a random UUID; io if there is no randomness.
Result<std::string> new_key_id();
// make_fleet_key generates a software key: EC256, EC384, EC521, RSA2048, RSA4096; unsupported for others.
Result<std::shared_ptr<EVP_PKEY>> make_fleet_key(std::string_view alg);
// tpm_algorithm is the driver's name of an algorithm that a TPM makes keys of; unsupported for EC521 and RSA4096.
Result<std::string> tpm_algorithm(std::string_view alg);
// sign_with_software signs a digest of the scheme's length.
Result<Bytes> sign_with_software(EVP_PKEY* key, const DigestScheme& scheme, View digest);

}  // namespace attest
