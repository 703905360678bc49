#include "apps/attestctl/metadata/signers.h"

#include "evidence/x509/certificate.h"

namespace attest::ctl {
namespace {

std::vector<std::string> split(const std::string& text, char at) {
  std::vector<std::string> parts;
  for (std::size_t from = 0; from <= text.size();) {
    std::size_t to = std::min(text.find(at, from), text.size());
    if (to > from) parts.push_back(text.substr(from, to - from));
    from = to + 1;
  }
  return parts;
}

// read_listed reads a key and the files that together are its chain, leaf first.
Result<Identity> read_listed(const std::string& key, const std::string& files, const std::string& passphrase_file) {
  Identity identity;
  for (const std::string& file : split(files, ',')) {
    TRY(std::vector<Bytes> more, read_certificates(file));
    identity.chain.insert(identity.chain.end(), more.begin(), more.end());
  }
  if (identity.chain.empty() || identity.chain.size() > TrustStore::kMaxChain)
    return Error{Errc::malformed, "--x5cs: " + key + " needs 1 to 4 certificates, leaf first"};
  TRY(identity.cert, parse_certificate(identity.chain.front()));
  TRY(identity.key, read_key(key, passphrase_file));
  if (X509_check_private_key(identity.cert.get(), identity.key.get()) != 1)
    return Error{Errc::mismatch, key + " and the first certificate of " + files + " do not belong together"};
  return identity;
}

}  // namespace

void add_signers(CLI::App& app, SignerOptions& options) {
  app.add_option("--ca", options.ca, "the authority's folder: its metadata signer signs");
  app.add_option("--signer", options.cert, "the signer's certificate chain, PEM");
  app.add_option("--signer-key", options.key, "the signer's key, PEM");
  app.add_option("--passphrase-file", options.passphrase_file, "file with the passphrase of the signing key, where it has one");
  app.add_option("--keys", options.keys, "keys of several signers, PEM: key1,key2")->delimiter(',');
  app.add_option("--x5cs", options.x5cs, "their certificates: leaf1,ca1:leaf2,ca2");
}

Result<Signers> Signers::read(const SignerOptions& options) {
  bool one = !options.cert.empty() && !options.key.empty(), list = !options.keys.empty() && !options.x5cs.empty();
  bool half = options.cert.empty() != options.key.empty() || options.keys.empty() != options.x5cs.empty();
  if (half || (options.ca.empty() ? 0 : 1) + (one ? 1 : 0) + (list ? 1 : 0) != 1)
    return Error{Errc::denied, "who signs? Give --ca DIR, or --signer CERT and --signer-key KEY, or --keys and --x5cs"};
  Signers out;
  if (!list) {
    TRY(Identity identity, one ? read_identity(options.cert, options.key, options.passphrase_file)
                               : read_identity(options.ca + "/" + kSignerCert, options.ca + "/" + kSignerKey,
                                               options.passphrase_file));
    out.identities_.push_back(std::move(identity));
    return out;
  }
  std::vector<std::string> chains = split(options.x5cs, ':');
  if (chains.size() != options.keys.size() || chains.size() > kMaxSigners)
    return Error{Errc::denied, "--keys and --x5cs: " + std::to_string(options.keys.size()) + " keys and " +
                                   std::to_string(chains.size()) + " chains; as many of both, at most 8, are due"};
  for (std::size_t i = 0; i < chains.size(); i++) {
    TRY(Identity identity, read_listed(options.keys[i], chains[i], options.passphrase_file));
    out.identities_.push_back(std::move(identity));
  }
  return out;
}

std::vector<JwsSigner> Signers::lend() const {
  std::vector<JwsSigner> out;
  for (const Identity& identity : identities_) out.push_back({identity.key.get(), identity.chain});
  return out;
}

std::string Signers::names() const {
  std::string out;
  for (const Identity& identity : identities_)
    out += (out.empty() ? "\"" : ", \"") + common_name(identity.cert.get()) + "\"";
  return out;
}

}  // namespace attest::ctl
