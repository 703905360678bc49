#include "evidence/dcap/anchor.h"

namespace attest {

Bytes dcap_identity(const PckExtension& pck) { return to_bytes(sha256(View(pck.ppid)).view()); }

Bytes dcap_report_data(const Digest& qualifying) {
  Bytes out = to_bytes(qualifying.view());
  out.resize(64);
  return out;
}

Result<PckExtension> pck_of(const Quote& quote) {
  constexpr std::uint16_t kPckLeaf = 4, kPckChain = 5;
  if (quote.certification.type != kPckLeaf && quote.certification.type != kPckChain)
    return Error{Errc::unsupported, "quote: carries no PCK certificate chain (type " +
                                        std::to_string(quote.certification.type) + ")"};
  TRY(auto chain, parse_dcap_chain(quote.certification.data));
  for (const DcapCertificate& certificate : chain)
    if (certificate.pck) return *certificate.pck;
  return Error{Errc::unsupported, "quote: no PCK certificate in its chain"};
}

Result<Bytes> bare_quote(View bytes) {
  TRY(Quote quote, parse_quote(bytes));
  return to_bytes(bytes.first(bytes.size() - quote.trailing.size()));
}

}  // namespace attest
