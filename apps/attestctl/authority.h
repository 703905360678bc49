// authority.h: the folder of the offline authority (attestctl ca): two roots that have nothing to do with
// each other.
#pragma once
#include "apps/attestctl/certs.h"

namespace attest::ctl {

// Names inside the folder. The metadata root certifies signers; the AK root certifies attestation keys.
inline constexpr const char* kMetadataRoot = "metadata-root.pem";
inline constexpr const char* kMetadataRootKey = "metadata-root.key";
inline constexpr const char* kSignerCert = "metadata-signer.pem";
inline constexpr const char* kSignerKey = "metadata-signer.key";
inline constexpr const char* kAkRoot = "ak-root.pem";
inline constexpr const char* kAkRootKey = "ak-root.key";

// Identity is a certificate with its key and, behind it, the rest of its chain.
struct Identity {
  std::vector<Bytes> chain;  // DER, leaf first
  OwnedX509 cert;            // the leaf
  OwnedPkey key;
};

// read_identity loads a certificate (chain) and its key; mismatch if they do not belong together.
Result<Identity> read_identity(const std::string& cert_path, const std::string& key_path,
                               const std::string& passphrase_file = "");

}  // namespace attest::ctl
