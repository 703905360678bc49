#include "drivers/tpm/nv.h"

namespace attest {
namespace {

constexpr std::size_t kMaxContents = 32 << 10;

Result<std::uint16_t> nv_size(TpmContext& context, const TpmHandle& index) {
  TPM2B_NV_PUBLIC* area = nullptr;
  TPM2B_NAME* name = nullptr;
  TSS2_RC rc =
      Esys_NV_ReadPublic(context.get(), index.get(), ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &area, &name);
  Esys<TPM2B_NV_PUBLIC> area_owner(area);
  Esys<TPM2B_NAME> name_owner(name);
  if (rc != TSS2_RC_SUCCESS) return context.failure(rc, "read an NV index");
  if ((area->nvPublic.attributes & TPMA_NV_WRITTEN) == 0)
    return Error{Errc::mismatch, "tpm: NV index was never written"};
  return area->nvPublic.dataSize;
}

// as_owner: the index may be read with the owner's authorisation, where its own does not do.
Result<Bytes> read_piece(TpmContext& context, const TpmHandle& index, std::uint16_t size,
                         std::uint16_t offset) {
  TPM2B_MAX_NV_BUFFER* data = nullptr;
  TSS2_RC rc = Esys_NV_Read(context.get(), index.get(), index.get(), ESYS_TR_PASSWORD, ESYS_TR_NONE,
                            ESYS_TR_NONE, size, offset, &data);
  if (rc != TSS2_RC_SUCCESS)
    rc = Esys_NV_Read(context.get(), ESYS_TR_RH_OWNER, index.get(), ESYS_TR_PASSWORD, ESYS_TR_NONE,
                      ESYS_TR_NONE, size, offset, &data);
  Esys<TPM2B_MAX_NV_BUFFER> owner(data);
  if (rc != TSS2_RC_SUCCESS) return context.failure(rc, "read an NV index");
  if (data->size != size) return Error{Errc::malformed, "tpm: NV index gives fewer bytes than it has"};
  return Bytes(data->buffer, data->buffer + data->size);
}

Status define_nv(TpmContext& context, TPM2_HANDLE index, UINT16 size) {
  TPM2B_NV_PUBLIC area{};
  area.nvPublic.nvIndex = index;
  area.nvPublic.nameAlg = TPM2_ALG_SHA256;
  area.nvPublic.attributes = TPMA_NV_OWNERREAD | TPMA_NV_OWNERWRITE | TPMA_NV_AUTHREAD | TPMA_NV_AUTHWRITE | TPMA_NV_NO_DA;
  area.nvPublic.dataSize = size;
  TPM2B_AUTH none{};
  ESYS_TR made = ESYS_TR_NONE;
  TSS2_RC rc = Esys_NV_DefineSpace(context.get(), ESYS_TR_RH_OWNER, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, &none, &area, &made);
  if (rc != TSS2_RC_SUCCESS) return context.failure(rc, "make an NV index");
  Esys_TR_Close(context.get(), &made);
  return ok();
}

}  // namespace

Result<Bytes> read_nv(TpmContext& context, TPM2_HANDLE index) {
  TRY(TpmHandle handle, open_persistent(context, index));
  TRY(std::uint16_t size, nv_size(context, handle));
  if (size > kMaxContents) return Error{Errc::malformed, "tpm: NV index is too long"};
  std::uint32_t most =
      context.property(TPM2_PT_NV_BUFFER_MAX) ? *context.property(TPM2_PT_NV_BUFFER_MAX) : 512;
  Bytes out;
  while (out.size() < size) {
    auto piece = static_cast<std::uint16_t>(std::min<std::size_t>(size - out.size(), std::min(most, 1024U)));
    TRY(Bytes bytes, read_piece(context, handle, piece, static_cast<std::uint16_t>(out.size())));
    out.insert(out.end(), bytes.begin(), bytes.end());
  }
  return out;
}

Status write_nv(TpmContext& context, TPM2_HANDLE index, View bytes) {
  TPM2B_MAX_NV_BUFFER data{};
  if (bytes.size() > 1024) return Error{Errc::malformed, "tpm: too much for an NV index"};
  data.size = static_cast<UINT16>(bytes.size());
  std::ranges::copy(bytes, data.buffer);
  auto handle = open_persistent(context, index);
  if (!handle && handle.error().code == Errc::mismatch) {
    CHECK_OK(define_nv(context, index, data.size));
    handle = open_persistent(context, index);
  }
  if (!handle) return handle.error();
  TSS2_RC rc = Esys_NV_Write(context.get(), handle->get(), handle->get(), ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, &data, 0);
  if (rc != TSS2_RC_SUCCESS)
    rc = Esys_NV_Write(context.get(), ESYS_TR_RH_OWNER, handle->get(), ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, &data, 0);
  return rc == TSS2_RC_SUCCESS ? ok() : Status(context.failure(rc, "write an NV index"));
}

Result<View> certificate_span(View contents) {
  // TCG PC Client Implementation for TPM 1.2, 7.4.1: tag 0x1001, type, length of what follows, 0x1002.
  if (contents.size() > 7 && contents[0] == 0x10 && contents[1] == 0x01) contents = contents.subspan(7);
  Reader in(contents);
  if (in.u8() == 0x30) {
    std::uint8_t form = in.u8();
    std::size_t length = form < 0x80 ? form : form == 0x81 ? in.u8() : in.u16be();
    std::size_t head = contents.size() - in.left();
    in.take(length);
    if (in.good() && form <= 0x82 && form != 0x80 && length > 0) return contents.first(head + length);
  }
  return Error{Errc::malformed, "tpm: NV index holds no certificate"};
}

Result<Bytes> read_nv_certificate(TpmContext& context, TPM2_HANDLE index) {
  TRY(Bytes contents, read_nv(context, index));
  TRY(View certificate, certificate_span(contents));
  return to_bytes(certificate);
}

}  // namespace attest
