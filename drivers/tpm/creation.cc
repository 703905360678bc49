// How the next attestation key was made, as provisioning servers of CMC's fleets want to see it.
#include <algorithm>

#include "drivers/tpm/activation.h"
#include "drivers/tpm/marshal.h"
#include "drivers/tpm/quote.h"
#include "drivers/tpm/sign.h"
#include "evidence/core/printable.h"
#include "evidence/tpm/signature.h"

namespace attest {
namespace {

// Names of TCG's registry of vendors, by TPM_PT_MANUFACTURER.
struct VendorRow {
  std::string_view id;
  const char* name;
};
constexpr VendorRow kVendors[] = {{"AMD", "AMD"},
                                  {"ATML", "Atmel"},
                                  {"BRCM", "Broadcom"},
                                  {"IBM", "IBM"},
                                  {"IFX", "Infineon"},
                                  {"INTC", "Intel"},
                                  {"LEN", "Lenovo"},
                                  {"NSM ", "National Semiconductor"},
                                  {"NTZ", "Nationz"},
                                  {"NTC", "Nuvoton Technology"},
                                  {"QCOM", "Qualcomm"},
                                  {"ROCC", "Fuzhou Rockchip"},
                                  {"SMSC", "SMSC"},
                                  {"STM ", "ST Microelectronics"},
                                  {"SMSN", "Samsung"},
                                  {"SNS", "Sinosun"},
                                  {"TXN", "Texas Instruments"},
                                  {"WEC", "Winbond"}};

std::string vendor_name(std::uint32_t property) {
  std::string id;
  for (int shift = 24; shift >= 0; shift -= 8)
    if (char c = static_cast<char>(property >> shift & 0xff); c != 0) id += c;
  const auto* row = std::ranges::find(kVendors, std::string_view(id), &VendorRow::id);
  if (row != std::end(kVendors)) return row->name;
  while (id.ends_with(' ')) id.pop_back();
  std::ranges::replace(id, ';', ' ');  // it separates the fields in which the name travels
  return printable(id);
}

Status tell_vendor(TpmContext& context, CreationProof& proof) {
  TRY(std::uint32_t vendor, context.property(TPM2_PT_MANUFACTURER));
  TRY(std::uint32_t firmware, context.property(TPM2_PT_FIRMWARE_VERSION_1));
  proof.manufacturer = vendor_name(vendor);
  proof.firmware_major = static_cast<std::uint16_t>(firmware >> 16);
  proof.firmware_minor = static_cast<std::uint16_t>(firmware & 0xffff);
  return ok();
}

// not_believed: TPM_RC_TICKET, of whatever parameter.
bool not_believed(TSS2_RC rc) { return (rc & 0x80) != 0 && (rc & 0xbf) == TPM2_RC_TICKET; }

// certify_creation has the key state its own making, and checks the statement as an issuer will. mismatch: it is not this
// key's, or the TPM does not believe its own ticket any more.
Status certify_creation(TpmContext& context, const TpmHandle& key, const PublicArea& area, const Creation& creation,
                        CreationProof& proof) {
  TPM2B_DATA nothing{};
  TPMT_SIG_SCHEME own{};
  own.scheme = TPM2_ALG_NULL;
  TPM2B_ATTEST* statement = nullptr;
  TPMT_SIGNATURE* signature = nullptr;
  TSS2_RC rc = Esys_CertifyCreation(context.get(), key.get(), key.get(), ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, &nothing,
                                    &creation.hash, &own, &creation.ticket, &statement, &signature);
  Esys<void> a(statement), b(signature);
  if (rc != TSS2_RC_SUCCESS) {
    Error error = context.failure(rc, "certify the creation of the next attestation key");
    if (not_believed(rc)) error.code = Errc::mismatch;
    return error;
  }
  proof.data = creation.data;
  proof.statement.assign(statement->attestationData, statement->attestationData + statement->size);
  TRY(proof.signature, marshalled(*signature, Tss2_MU_TPMT_SIGNATURE_Marshal));
  TRY(Verified<Attest> verified, verify_attest(proof.statement, proof.signature, area));
  const auto* info = std::get_if<CreationInfo>(&verified->info);
  Digest hash = hash_of(area.name_alg, {creation.data});
  if (info == nullptr || info->object_name != area.name() || !equal(info->creation_hash, hash.view()))
    return Error{Errc::mismatch, "tpm: the statement about the next attestation key's creation is about something else"};
  return ok();
}

}  // namespace

// told_key is the key that waits, with its creation. One that an earlier version made, which kept none, is made anew.
Result<NextKey> TpmEnroller::told_key() {
  auto waiting = NextKey::find(device_->config);
  if (waiting) {
    auto creation = NextKey::creation(device_->config);
    if (!creation && creation.error().code != Errc::mismatch) return creation.error();
    if (!creation) CHECK_OK(NextKey::forget(device_->config));
  }
  return NextKey::make(*device_->context, device_->config);
}

// A ticket that the TPM no longer believes (it was cleared) goes with its key; another key is made, once.
Result<CreationProof> TpmEnroller::prove_once() {
  TpmContext& context = *device_->context;
  device_->loaded.clear();
  CreationProof proof;
  CHECK_OK(tell_vendor(context, proof));
  for (bool again : {true, false}) {
    TRY(NextKey next, told_key());
    TRY(Creation creation, NextKey::creation(device_->config));
    TRY(TpmHandle key, next.load(context));
    auto stated = certify_creation(context, key, next.area(), creation, proof);
    if (stated) break;
    if (!again || stated.error().code != Errc::mismatch) return stated.error();
    CHECK_OK(NextKey::forget(device_->config));
  }
  return proof;
}

Result<CreationProof> TpmEnroller::prove_creation() {
  if (device_->config.platform_ak)
    return Error{Errc::denied, "tpm: the attestation key is the platform's; no other can follow it"};
  TRY(CreationProof proof, device_->context->attempt([&] { return prove_once(); }));
  TRY(proof.key, request(true));
  return proof;
}

Result<Bytes> TpmEnroller::sign_request(View content) {
  return device_->context->attempt([&]() -> Result<Bytes> {
    device_->loaded.clear();
    TRY(NextKey next, NextKey::find(device_->config));
    TRY(TpmHandle key, next.load(*device_->context));
    return tpm_sign_restricted(*device_->context, key.get(), scheme_hash(next.area()), content);
  });
}

}  // namespace attest
