// azure.cc: evidence of an Azure confidential VM in a CMC report: hardware vouches for the claims of the paravisor, they for the
// key of the vTPM and for the nonce, and that key for the registers.
#include <algorithm>

#include "evidence/azure/anchor.h"
#include "evidence/core/hex.h"
#include "verifier/cmc/hardware.h"

namespace attest::cmc {
namespace {

// Vm is what the claims of one report say.
struct Vm {
  HclReport runtime;
  HclClaims claims;
};

bool of_azure(const EvidenceItem& evidence) { return evidence.type.starts_with("azure "); }

// vm_of reads the claims beside the hardware's evidence. Nothing but Azure's evidence may stand in such a report.
Result<Vm> vm_of(const Report& report) {
  const EvidenceItem* hardware = nullptr;
  bool quoted = false;
  for (const EvidenceItem& evidence : report.evidences) {
    if (!of_azure(evidence)) return Error{Errc::malformed, "other evidence beside Azure's"};
    if (evidence.type == kAzureVtpmEvidence) {
      quoted = true;
      continue;
    }
    if (hardware != nullptr) return Error{Errc::malformed, "two kinds of hardware in one machine"};
    hardware = &evidence;
  }
  for (const Collateral& collateral : report.context.collateral)
    if (!collateral.type.starts_with("azure ")) return Error{Errc::malformed, "other collateral beside Azure's"};
  if (hardware == nullptr || !quoted) return Error{Errc::malformed, "hardware evidence and the vTPM's quote do not go together"};
  Vm vm;
  TRY(vm.runtime, parse_hcl_runtime(hardware->add_data));
  bool snp = hardware->type == kAzureSnpEvidence;
  if (snp != (vm.runtime.type == HclReportType::snp)) return Error{Errc::mismatch, "the claims are of another kind of hardware"};
  TRY(vm.claims, parse_hcl_claims(vm.runtime.claims));
  return vm;
}

void check_nonce(const Measured& m, const Vm& vm, MeasurementFinding& out) {
  Bytes due = to_bytes(m.nonce);
  due.resize(std::max<std::size_t>(due.size(), 64));
  out.freshness = {};
  out.freshness.compare(to_hex(vm.claims.user_data), to_hex(due));
  if (out.freshness.good()) return;
  out.freshness.fail(kFreshnessFailed);
  out.summary.fail("the claims were made for another report");
}

MeasurementFinding judge_hardware(const Measured& m, MeasurementFinding (*judge)(const Measured& m, View nonce)) {
  auto vm = vm_of(*m.report);
  MeasurementFinding out = judge(m, vm ? View(claims_digest(vm->runtime)) : View());
  if (vm)
    check_nonce(m, *vm, out);
  else
    out.summary.fail(kVerifyMeasurement, vm.error().what);
  return out;
}

}  // namespace

MeasurementFinding judge_azure_snp(const Measured& m) { return judge_hardware(m, judge_snp_over); }
MeasurementFinding judge_azure_tdx(const Measured& m) { return judge_hardware(m, judge_tdx_over); }

// judge_azure_vtpm: a TPM's evidence, its key vouched for by the claims. Whether hardware vouches for them is the other
// evidence's to say; it must be there.
MeasurementFinding judge_azure_vtpm(const Measured& m) {
  auto vm = vm_of(*m.report);
  auto key = vm ? hcl_ak_spki(vm->claims) : Result<Bytes>(vm.error());
  Measured again = m;
  Bytes spki = key ? *key : Bytes{0};
  again.vouched_key = spki;
  MeasurementFinding out = judge_tpm(again);
  if (!key) out.summary.fail(kVerifyMeasurement, key.error().what);
  return out;
}

}  // namespace attest::cmc
