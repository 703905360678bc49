// attestctl reference: reference values for manifests, from what a machine measured or will be launched with.
#include "apps/attestctl/reference.h"

#include <algorithm>

#include "apps/attestctl/commands.h"
#include "apps/attestctl/files.h"
#include "evidence/metadata/manifest.h"

namespace attest::ctl {

Result<Exit> write_references(const std::vector<ReferenceValue>& values, const std::string& out) {
  if (values.empty()) return Error{Errc::mismatch, "no reference values: nothing was measured there"};
  CHECK_OK(write_output(out, as_view(write_components(values) + "\n")));
  return Exit::accepted;
}

void keep_registers(std::vector<ReferenceValue>& values, const std::vector<std::uint32_t>& pcrs) {
  if (pcrs.empty()) return;
  std::erase_if(values, [&](const ReferenceValue& value) {
    return value.anchor == AnchorKind::tpm && std::ranges::find(pcrs, value.reg) == pcrs.end();
  });
}

void add_reference(CLI::App& app_, Session& session) {
  CLI::App* app = group(app_, "reference", "reference values from logs, files, firmware images and enclaves");
  add_reference_tpm(*app, session);
  add_reference_ima(*app, session);
  add_reference_snp(*app, session);
  add_reference_tdx(*app, session);
  add_reference_sgx(*app, session);
}

}  // namespace attest::ctl
