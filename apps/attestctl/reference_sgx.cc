// attestctl reference sgx: MRENCLAVE as the enclave's maker signed it.
#include <cstdio>

#include "apps/attestctl/files.h"
#include "apps/attestctl/reference.h"
#include "evidence/core/hex.h"
#include "evidence/dcap/sigstruct.h"

namespace attest::ctl {
namespace {

struct Options {
  std::string sigstruct, name, out;
};

std::string words(const Sigstruct& s) {
  return "MRSIGNER " + to_hex(s.mr_signer.view()) + ", product " + std::to_string(s.isv_prod_id) + ", SVN " +
         std::to_string(s.isv_svn) + (s.debug_allowed() ? ", may run under a debugger" : "");
}

Result<Exit> run(const Options& options) {
  TRY(Bytes bytes, read_input(options.sigstruct));
  TRY(Sigstruct signed_by_maker, parse_sigstruct(bytes));
  ReferenceValue value;
  value.anchor = AnchorKind::sgx;
  value.name = options.name.empty() ? "MRENCLAVE" : options.name;
  value.description = words(signed_by_maker);
  value.hashes = {{HashAlg::sha256, signed_by_maker.mr_enclave}};
  std::fprintf(stderr, "%s\n", value.description.c_str());
  return write_references({value}, options.out);
}

}  // namespace

void add_reference_sgx(CLI::App& reference, Session& session) {
  auto options = std::make_shared<Options>();
  CLI::App* app = command(reference, session, "sgx", "MRENCLAVE of an enclave's SIGSTRUCT (*.sig)",
                          [options](Session&) { return run(*options); });
  app->add_option("--sigstruct", options->sigstruct, "the structure that the enclave's maker signed, 1808 bytes")->required();
  app->add_option("--name", options->name, "name of the reference value");
  app->add_option("-o,--out", options->out, "file to write (default: stdout)");
}

}  // namespace attest::ctl
