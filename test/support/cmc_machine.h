// cmc_machine.h: a machine of a CMC fleet: a daemon over a software TPM with a certified attestation key, signed metadata
// of its own, and the API of CMC's agent on a Unix socket.
#pragma once
#include "cmcd-lite/client/cmc_connection.h"
#include "evidence/cmc/metadata.h"
#include "test/support/tpm_machine.h"

namespace attest::test {

class CmcMachine {
 public:
  // The machine replays a recorded boot; start() has to follow. Check good() first.
  CmcMachine(const Authority& authority, const std::string& boot, std::size_t ima_entries = MeasuredMachine::kAll);
  bool good() const { return machine.good(); }
  // start certifies the attestation key, signs what was measured as a manifest, and serves. false after a failed
  // expectation. cmc_members: further members of "cmc", each with a comma before it.
  bool start(const std::string& cmc_members = "");
  std::string socket() const { return machine.daemon.path("cmc.sock"); }
  CmcClientOptions client(cmc::Encoding encoding) const;
  // attest and verify are calls over the socket.
  Result<Bytes> attest(cmc::Encoding encoding, const Bytes& nonce, std::vector<std::string> cached = {}) const;
  Result<std::string> verify(cmc::Encoding encoding, const Bytes& nonce, const Bytes& report, const std::string& peer) const;

  TpmMachine machine;
  std::string roots = R"("signers.pem")";  // "roots" of "cmc"; set before start
  std::string omsp_server;  // that the manifest of what was measured names; set before start
  cmc::Encoding signs = cmc::Encoding::json;  // what hold signs: JSON as JWS, CBOR as COSE

  // certify_again gives the attestation key a new certificate of the same authority and starts the daemon anew, which reads it.
  bool certify_again();
  // hold signs an item of metadata that is valid now and puts it among the machine's; in force after a reload.
  void hold(const std::string& file, cmc::Metadata metadata) const;
  // describe signs what a report says was measured, in place of what start signed.
  bool describe();
  // reload has the daemon read its metadata again.
  bool reload() const;

 private:
  bool certify();
  const Authority& authority_;
  TestCert signer_;  // of all its items; its chain, as the attestation key's, brings the root along, as CMC's do
};

}  // namespace attest::test
