#include "evidence/core/ecdsa_der.h"

#include <openssl/ecdsa.h>

#include "evidence/core/owned.h"

namespace attest {

Bytes ecdsa_der(View r, View s) {
  Owned<ECDSA_SIG, ECDSA_SIG_free> pair(ECDSA_SIG_new());
  Owned<BIGNUM, BN_free> r_number(BN_bin2bn(r.data(), static_cast<int>(r.size()), nullptr));
  Owned<BIGNUM, BN_free> s_number(BN_bin2bn(s.data(), static_cast<int>(s.size()), nullptr));
  if (!pair || !r_number || !s_number || ECDSA_SIG_set0(pair.get(), r_number.get(), s_number.get()) != 1) return {};
  (void)r_number.release();  // set0 took both
  (void)s_number.release();
  int size = i2d_ECDSA_SIG(pair.get(), nullptr);
  if (size <= 0) return {};
  Bytes der(static_cast<std::size_t>(size));
  std::uint8_t* at = der.data();
  if (i2d_ECDSA_SIG(pair.get(), &at) != size) return {};
  return der;
}

}  // namespace attest
