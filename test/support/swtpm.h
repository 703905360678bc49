// swtpm.h: a fresh software TPM for a test.
#pragma once
#include <memory>

#include "evidence/core/bytes.h"
#include "evidence/core/hash.h"
#include "test/support/child.h"
#include "test/support/temp_dir.h"

namespace attest::test {

// TpmCommands sends raw commands over swtpm's data socket. swtpm serves one connection at a time: let it die
// before anything else talks to the TPM.
class TpmCommands {
 public:
  explicit TpmCommands(const std::string& socket);
  ~TpmCommands();
  TpmCommands(const TpmCommands&) = delete;
  TpmCommands& operator=(const TpmCommands&) = delete;
  // command frames tag, code and body, and returns what follows the response code; io on anything but
  // success.
  Result<Bytes> command(std::uint16_t tag, std::uint32_t code, View body);
  // extend extends one PCR in every bank a digest is given for.
  Status extend(std::uint32_t pcr, const std::vector<std::pair<HashAlg, Digest>>& digests);

 private:
  int fd_;
};

// Swtpm is one swtpm process with its own folder and Unix sockets.
class Swtpm {
 public:
  struct Options {
    bool ek_certs = false;  // manufacture RSA-2048 and P-384 endorsement keys with certificates; takes 0.5 s
    std::filesystem::path state{};  // a folder with the state of a TPM that was, copied; empty: a new one
  };
  // start returns nullptr, after a failed expectation that shows swtpm's output, if the TPM does not come up.
  static std::unique_ptr<Swtpm> start(Options options);
  static std::unique_ptr<Swtpm> start() { return start(Options{}); }
  ~Swtpm();
  std::string tcti() const { return "swtpm:path=" + socket(); }
  std::string socket() const { return dir_.file("sock"); }
  const std::filesystem::path& dir() const { return dir_.path(); }
  pid_t pid() const { return child_.pid(); }
  // stop ends the process in order; crash kills it; run starts it on the same state, PCRs at zero.
  void stop();
  void crash() { child_.kill(); }
  bool run();
  // reset is a power cycle of the TPM alone: the process goes on, nobody has sent TPM2_Startup yet.
  bool reset();
  bool extend(std::uint32_t pcr, const std::vector<std::pair<HashAlg, Digest>>& digests);

 private:
  bool manufacture();
  bool ready() const;
  TempDir dir_;
  Child child_;
};

}  // namespace attest::test
