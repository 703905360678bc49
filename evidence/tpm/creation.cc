#include "evidence/tpm/creation.h"

#include "evidence/tpm/pcr_selection.h"
#include "evidence/tpm/tpm_ids.h"

namespace attest {
namespace {

// body strips the length in front, where it is one: a TPMS_CREATION_DATA begins with a count of at most 16
// banks in four bytes, so its first two bytes are zero.
View body(View bytes) {
  Reader in(bytes);
  std::size_t size = in.u16be();
  return in.good() && size != 0 && size == in.left() ? bytes.subspan(2) : bytes;
}

}  // namespace

Result<CreationData> parse_creation_data(View bytes) {
  View data = body(bytes);
  Reader in(data);
  CreationData out;
  TRY(out.selections, read_pcr_selections(in));
  out.pcr_digest = to_bytes(in.take16be(tpm::kMaxDigest));
  out.locality = in.u8();
  out.parent_name_alg = in.u16be();
  out.parent_name = to_bytes(in.take16be(tpm::kMaxName));
  out.parent_qualified_name = to_bytes(in.take16be(tpm::kMaxName));
  out.outside_info = to_bytes(in.take16be(tpm::kMaxData));
  CHECK_OK(in.done("tpm creation data"));
  out.encoded = to_bytes(data);
  return out;
}

}  // namespace attest
