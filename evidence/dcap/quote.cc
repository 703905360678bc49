#include "evidence/dcap/quote.h"

namespace attest {
namespace {

constexpr std::size_t kHeader = 48;
constexpr std::uint16_t kEcdsaP256 = 2;
constexpr std::uint16_t kQeReportCertification = 6;
constexpr std::uint16_t kBodySgx = 1, kBodyTd10 = 2, kBodyTd15 = 3;

EnclaveReport read_enclave(Reader in) {
  EnclaveReport out;
  out.cpu_svn = in.array<16>();
  out.misc_select = in.u32le();
  in.take(12);
  out.isv_ext_prod_id = in.array<16>();
  out.attributes = in.array<16>();
  out.mr_enclave = in.array<32>();
  in.take(32);
  out.mr_signer = in.array<32>();
  in.take(32);
  out.config_id = in.array<64>();
  out.isv_prod_id = in.u16le();
  out.isv_svn = in.u16le();
  out.config_svn = in.u16le();
  in.take(42);
  out.isv_family_id = in.array<16>();
  out.report_data = in.array<64>();
  return out;
}

TdReport read_td(Reader in, bool v15) {
  TdReport out;
  out.tee_tcb_svn = in.array<16>();
  out.mr_seam = in.array<48>();
  out.mr_signer_seam = in.array<48>();
  out.seam_attributes = in.array<8>();
  out.td_attributes = in.array<8>();
  out.xfam = in.array<8>();
  out.mr_td = in.array<48>();
  out.mr_config_id = in.array<48>();
  out.mr_owner = in.array<48>();
  out.mr_owner_config = in.array<48>();
  for (auto& rtmr : out.rtmr) rtmr = in.array<48>();
  out.report_data = in.array<64>();
  if (v15) {
    out.tee_tcb_svn2 = in.array<16>();
    out.mr_service_td = in.array<48>();
  }
  return out;
}

Error unsupported(std::string what) { return {Errc::unsupported, "quote: " + std::move(what)}; }

Status read_header(Reader& in, Quote& q) {
  q.version = in.u16le();
  q.attestation_key_type = in.u16le();
  std::uint32_t tee = in.u32le();
  q.qe_svn = in.u16le();
  q.pce_svn = in.u16le();
  q.qe_vendor_id = in.array<16>();
  q.user_data = in.array<20>();
  if (!in.good()) return Error{Errc::malformed, "quote: shorter than its header"};
  if (q.version < 3 || q.version > 5)
    return unsupported("version " + std::to_string(q.version) + ", only 3, 4 and 5");
  if (q.attestation_key_type != kEcdsaP256)
    return unsupported("attestation key type " + std::to_string(q.attestation_key_type) +
                       ", only 2 (ECDSA P-256)");
  if (tee != static_cast<std::uint32_t>(TeeType::sgx) && tee != static_cast<std::uint32_t>(TeeType::tdx))
    return unsupported("TEE type " + std::to_string(tee) + ", only 0 (SGX) and 129 (TDX)");
  q.tee = static_cast<TeeType>(tee);
  if (q.version == 3 && q.tee != TeeType::sgx) return unsupported("version 3 of another TEE than SGX");
  return ok();
}

// body_size says how many bytes follow and of what kind they are; version 5 says so itself.
Result<std::size_t> body_size(Reader& in, Quote& q) {
  std::uint16_t expected = q.tee == TeeType::sgx ? kBodySgx : kBodyTd10;
  std::uint16_t type = expected;
  std::uint32_t declared = 0;
  if (q.version == 5) {
    type = q.body_type = in.u16le();
    declared = in.u32le();
    if (q.tee == TeeType::tdx && type == kBodyTd15) expected = kBodyTd15;
    if (in.good() && type != expected)
      return unsupported("body type " + std::to_string(type) + " for this TEE");
  }
  std::size_t size = type == kBodySgx    ? EnclaveReport::kBytes
                     : type == kBodyTd15 ? TdReport::kBytes15
                                         : TdReport::kBytes10;
  if (q.version == 5 && in.good() && declared != size)
    return Error{Errc::malformed, "quote: body of " + std::to_string(declared) + " bytes, its type has " +
                                      std::to_string(size)};
  return size;
}

// read_certification reads type, size and data.
CertificationData read_certification(Reader& in) {
  CertificationData out;
  out.type = in.u16le();
  out.data = in.take32le(kMaxQuoteBytes);
  return out;
}

// read_qe_report reads the QE report, the PCK's signature over it, the authentication data and what names the
// PCK.
Status read_qe_report(Reader& in, Quote& q) {
  q.qe_report_bytes = in.take(EnclaveReport::kBytes);
  q.qe_report = read_enclave(Reader(q.qe_report_bytes));
  q.qe_report_signature = in.take(64);
  q.qe_authentication_data = in.take(in.u16le());
  q.certification = read_certification(in);
  return in.done("quote: QE certification data");
}

Status read_signature_data(View data, Quote& q) {
  Reader in(data);
  q.signature = in.take(64);
  q.attestation_key = in.take(64);
  if (q.version == 3) return read_qe_report(in, q);
  CertificationData outer = read_certification(in);
  CHECK_OK(in.done("quote: signature data"));
  if (outer.type != kQeReportCertification)
    return unsupported("certification data of type " + std::to_string(outer.type) +
                       " around the signature, only 6");
  q.nested = true;
  Reader inner(outer.data);
  return read_qe_report(inner, q);
}

}  // namespace

Result<EnclaveReport> parse_enclave_report(View bytes) {
  if (bytes.size() != EnclaveReport::kBytes) return Error{Errc::malformed, "enclave report: not 384 bytes"};
  return read_enclave(Reader(bytes));
}

Result<PlatformIdentity> parse_platform_identity(const CertificationData& data) {
  constexpr std::size_t kSizes[] = {16, 256, 384};
  if (data.type < 1 || data.type > 3)
    return unsupported("certification data of type " + std::to_string(data.type) + " names no platform");
  Reader in(data.data);
  PlatformIdentity out;
  out.ppid = in.take(kSizes[data.type - 1]);
  out.cpu_svn = in.array<16>();
  out.pce_svn = in.u16le();
  if (in.more()) out.pce_id = in.u16le();
  CHECK_OK(in.done("quote: platform identity"));
  return out;
}

Result<Quote> parse_quote(View bytes) {
  Quote q;
  Reader in(bytes);
  CHECK_OK(read_header(in, q));
  TRY(std::size_t size, body_size(in, q));
  View body = in.take(size);
  if (size == EnclaveReport::kBytes)
    q.body = read_enclave(Reader(body));
  else
    q.body = read_td(Reader(body), size == TdReport::kBytes15);
  q.signed_part = bytes.first(bytes.size() - in.left());
  View data = in.take32le(kMaxQuoteBytes);
  if (!in.good()) return Error{Errc::malformed, "quote: truncated, or a length leads outside"};
  q.trailing = in.rest();
  CHECK_OK(read_signature_data(data, q));
  return q;
}

bool looks_like_quote(View bytes) {
  Reader in(bytes);
  Quote q;
  return bytes.size() > kHeader && read_header(in, q);
}

}  // namespace attest
