// signers.h: who signs metadata, as the options of several commands name them.
#pragma once
#include <CLI/CLI.hpp>

#include "apps/attestctl/authority.h"
#include "evidence/metadata/jws.h"

namespace attest::ctl {

// SignerOptions: an authority's folder, or one certificate and key, or lists of both for several signers.
struct SignerOptions {
  std::string ca, cert, key, x5cs, passphrase_file;
  std::vector<std::string> keys;
  bool any() const { return !ca.empty() || !cert.empty() || !key.empty() || !x5cs.empty() || !keys.empty(); }
};

void add_signers(CLI::App& app, SignerOptions& options);

// Signers owns keys and certificates; lend gives them to a signature and is valid as long as this is.
class Signers {
 public:
  // read takes exactly one of the three forms; denied otherwise. mismatch if a certificate is not for its key.
  static Result<Signers> read(const SignerOptions& options);
  std::vector<JwsSigner> lend() const;
  // names: the common names, in order, for people.
  std::string names() const;

 private:
  std::vector<Identity> identities_;
};

}  // namespace attest::ctl
