#include "evidence/logs/ima/signature.h"

namespace attest::ima {

std::optional<HashAlg> kernel_hash(std::uint8_t number) {
  switch (number) {
    case 2: return HashAlg::sha1;
    case 4: return HashAlg::sha256;
    case 5: return HashAlg::sha384;
    case 6: return HashAlg::sha512;
    default: return std::nullopt;
  }
}

Result<FileSignature> parse_file_signature(View bytes) {
  FileSignature s;
  Reader in(bytes);
  std::uint8_t kind = in.u8();
  s.version = in.u8();
  s.hash = in.u8();
  s.key_id = in.array<4>();
  s.value = in.take16be();
  if (kind != 3 && kind != 5 && kind != 6) in.fail();
  if (s.version != 2 && s.version != 3) in.fail();
  if (s.value.empty()) in.fail();
  CHECK_OK(in.done("ima signature"));
  s.kind = static_cast<SignatureKind>(kind);
  return s;
}

}  // namespace attest::ima
