// verify_report.h: the part of attestctl verify that judges CMC's attestation reports.
#pragma once
#include <CLI/CLI.hpp>

#include "apps/attestctl/session.h"

namespace attest::ctl {

struct ReportOptions {
  std::string report, at, roots, signer_roots, ak_roots, peer_cache, policy;
  bool one_root = false, omsp = false;
};

void add_report_options(CLI::App& app, ReportOptions& options);
// run_report judges options.report over a nonce in hex.
Result<Exit> run_report(Session& session, const ReportOptions& options, const std::string& nonce);

}  // namespace attest::ctl
