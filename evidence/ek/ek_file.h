// ek_file.h: certificates of TPMs in the forms in which machines and vendors keep them.
#pragma once
#include "evidence/core/bytes.h"

namespace attest {

enum class EkForm : std::uint8_t { der, pem, tcg_nv, json };
const char* ek_form_name(EkForm form);  // "tcg-nv"

// EkFile is the certificates of a file, leaf first, as DER without what stood around them.
struct EkFile {
  static constexpr std::size_t kMaxCertificates = 64;
  EkForm form = EkForm::der;
  std::vector<Bytes> certificates;
  std::size_t trailing_bytes = 0;  // behind the last certificate
  bool padding = true;             // what trails is the unused rest of an NV index (00 or ff) or blanks
};

// read_ek_file reads
//   DER     one certificate, or several one behind the other as Intel's on-die CA keeps them in NV 0x01c00100
//   and up;
//           the last may be followed by anything, as NV indexes are larger than their certificate
//   TCG NV  the same behind TCG_PCCLIENT_STORED_CERT: 10 01, type 00, size, 10 02 (7 bytes)
//   PEM     with text around it
//   JSON    {"certificate": "…"} in base64url, as Intel's key service answers; "%3D" stands for padding
// unsupported if there is no certificate at all (nothing, or an index that was never written), malformed
// otherwise.
Result<EkFile> read_ek_file(View bytes);

}  // namespace attest
