// options.h: the arguments that inspect and appraise share, and the files they name.
#pragma once
#include "apps/attestctl/artefacts/artefact.h"
#include "apps/attestctl/session.h"

namespace attest::ctl {

struct ArtefactOptions {
  std::string file, at, nonce, collateral, policy;
  std::vector<std::string> with, roots;
};

void add_artefact_options(CLI::App& app, ArtefactOptions& options);

// read_artefact reads every file that the options name. denied for arguments of the wrong form, io and
// malformed for files that cannot be read.
Result<ArtefactInput> read_artefact(const ArtefactOptions& options);

// read_root_certificates takes a file (PEM, or one DER certificate with or without padding behind it) or a
// folder of such files (*.pem, *.crt, *.cer, *.der; others are passed over). malformed if none is found.
Result<std::vector<Bytes>> read_root_certificates(const std::string& path);

// print_facts writes facts for people, two blanks a level.
void print_facts(const Facts& facts, int level = 0);

}  // namespace attest::ctl
