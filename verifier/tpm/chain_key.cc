#include "verifier/tpm/chain_key.h"

namespace attest {

Result<Digest> chain_key(const std::vector<Bytes>& chain) {
  Writer out;
  for (const Bytes& certificate : chain) out.lv32(certificate);
  TRY(Bytes bytes, std::move(out).finish("certificate chain"));
  Digest key = sha256(View(bytes));
  if (key.empty()) return Error{Errc::io, "certificate chain: OpenSSL gave no hash"};
  return key;
}

}  // namespace attest
