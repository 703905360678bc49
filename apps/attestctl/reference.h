// reference.h: the parts of attestctl reference; a file each.
#pragma once
#include "apps/attestctl/session.h"
#include "evidence/metadata/metadata.h"

namespace attest::ctl {

void add_reference_tpm(CLI::App& reference, Session& session);
void add_reference_ima(CLI::App& reference, Session& session);
void add_reference_snp(CLI::App& reference, Session& session);
void add_reference_tdx(CLI::App& reference, Session& session);
void add_reference_sgx(CLI::App& reference, Session& session);

// write_references writes components as `metadata create manifest --components` takes them, to a file or stdout; mismatch if
// there are none.
Result<Exit> write_references(const std::vector<ReferenceValue>& values, const std::string& out);

// keep_registers drops the TPM's reference values of other PCRs; none given keeps all.
void keep_registers(std::vector<ReferenceValue>& values, const std::vector<std::uint32_t>& pcrs);

}  // namespace attest::ctl
