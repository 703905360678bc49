#include "test/support/dcap_maker.h"

#include <openssl/core_names.h>
#include <openssl/ecdsa.h>

#include "evidence/core/crypto.h"
#include "evidence/core/hash.h"
#include "evidence/core/hex.h"
#include "evidence/x509/certificate.h"
#include "evidence/x509/der.h"

namespace attest::test {
namespace {

Bytes join(std::initializer_list<View> parts) {
  Bytes out;
  for (View part : parts) out.insert(out.end(), part.begin(), part.end());
  return out;
}

Bytes tlv(std::uint8_t tag, std::initializer_list<View> parts) {
  Bytes content = join(parts), out = {tag};
  std::size_t n = content.size();
  if (n >= 0x100) {
    out.insert(out.end(), {0x82, static_cast<std::uint8_t>(n >> 8), static_cast<std::uint8_t>(n)});
  } else if (n >= 0x80) {
    out.insert(out.end(), {0x81, static_cast<std::uint8_t>(n)});
  } else {
    out.push_back(static_cast<std::uint8_t>(n));
  }
  out.insert(out.end(), content.begin(), content.end());
  return out;
}

Bytes sequence(std::initializer_list<View> parts) { return tlv(der_tag::kSequence, parts); }
Bytes oid(const char* hex) { return tlv(der_tag::kOid, {*from_hex(hex)}); }
Bytes octets(View value) { return tlv(der_tag::kOctetString, {value}); }
Bytes boolean(bool value) {
  return tlv(der_tag::kBoolean, {Bytes{static_cast<std::uint8_t>(value ? 0xff : 0)}});
}

Bytes integer(std::uint32_t value, std::uint8_t tag = der_tag::kInteger) {
  Bytes out;
  for (int shift = 24; shift >= 0; shift -= 8)
    if (!out.empty() || value >> shift != 0) out.push_back(static_cast<std::uint8_t>(value >> shift));
  if (out.empty() || (out[0] & 0x80) != 0) out.insert(out.begin(), 0);
  return tlv(tag, {out});
}

Bytes bit_string(View value) { return tlv(der_tag::kBitString, {Bytes{0}, value}); }
Bytes algorithm() { return sequence({oid("2a8648ce3d040302")}); }
Bytes utc(const std::string& time) { return tlv(der_tag::kUtcTime, {as_view(time)}); }

Bytes name(const std::string& cn) {
  auto part = [](const char* type, const std::string& value) {
    return tlv(der_tag::kSet, {sequence({oid(type), tlv(der_tag::kUtf8, {as_view(value)})})});
  };
  return sequence({part("550403", cn), part("55040a", "Intel Corporation")});
}

Bytes extension(const char* type, bool critical, View value) {
  return critical ? sequence({oid(type), boolean(true), octets(value)})
                  : sequence({oid(type), octets(value)});
}

Bytes sgx_extension(const PlatformSpec& p) {
  const std::string arc = "2a864886f84d010d01";
  auto member = [&](const char* below, View value) { return sequence({oid((arc + below).c_str()), value}); };
  Bytes tcb;
  for (std::uint8_t i = 0; i < 16; i++) {
    Bytes one = member(("02" + to_hex(Bytes{static_cast<std::uint8_t>(i + 1)})).c_str(), integer(p.comp[i]));
    tcb.insert(tcb.end(), one.begin(), one.end());
  }
  tcb = join({tcb, member("0211", integer(p.pce_svn)), member("0212", octets(p.comp))});
  Bytes fmspc = p.short_extension ? Bytes{} : member("04", octets(p.fmspc));
  return sequence({member("01", octets(Bytes(16, 0x11))), member("02", sequence({tcb})),
                   member("03", octets(p.pce_id)), fmspc, member("05", integer(1, der_tag::kEnumerated))});
}

Bytes extensions(const DcapCertificateSpec& spec) {
  Bytes constraints = spec.ca ? sequence({boolean(true), integer(1)}) : sequence({});
  Bytes usage = tlv(der_tag::kBitString, {spec.ca ? Bytes{1, 0x06} : Bytes{6, 0xc0}});
  Bytes all = join({extension("551d0f", true, usage), extension("551d13", true, constraints)});
  if (spec.unknown_critical) all = join({all, extension("2a0304", true, Bytes{5, 0})});
  if (spec.pck) {
    Bytes sgx = extension("2a864886f84d010d01", false, sgx_extension(*spec.pck));
    all = spec.pck->extension_first ? join({sgx, all}) : join({all, sgx});
  }
  return tlv(der_tag::context(3, true), {sequence({all})});
}

Bytes signed_der(View tbs, const DcapKey& by) {
  return sequence({tbs, algorithm(), bit_string(by.sign_der(tbs))});
}

void put_enclave(Writer& out, const EnclaveReport& e) {
  out.put(e.cpu_svn);
  out.u32le(e.misc_select);
  out.put(Bytes(12));
  out.put(e.isv_ext_prod_id);
  out.put(e.attributes);
  out.put(e.mr_enclave);
  out.put(Bytes(32));
  out.put(e.mr_signer);
  out.put(Bytes(32));
  out.put(e.config_id);
  out.u16le(e.isv_prod_id);
  out.u16le(e.isv_svn);
  out.u16le(e.config_svn);
  out.put(Bytes(42));
  out.put(e.isv_family_id);
  out.put(e.report_data);
}

void put_td(Writer& out, const TdReport& td, bool v15) {
  for (View part : {View(td.tee_tcb_svn), View(td.mr_seam), View(td.mr_signer_seam), View(td.seam_attributes),
                    View(td.td_attributes), View(td.xfam), View(td.mr_td), View(td.mr_config_id),
                    View(td.mr_owner), View(td.mr_owner_config)})
    out.put(part);
  for (const auto& rtmr : td.rtmr) out.put(rtmr);
  out.put(td.report_data);
  if (!v15) return;
  out.put(td.tee_tcb_svn2.value_or(td.tee_tcb_svn));
  out.put(td.mr_service_td.value_or(Block<48>{}));
}

std::string object(std::map<std::string, std::string> members,
                   const std::map<std::string, std::string>& changed) {
  for (const auto& [key, value] : changed) {
    if (value.empty())
      members.erase(key);
    else
      members[key] = value;
  }
  std::string out = "{";
  for (const auto& [key, value] : members) out += (out.size() > 1 ? "," : "") + ("\"" + key + "\":") + value;
  return out + "}";
}

std::string svns(std::initializer_list<int> values) {
  std::string out = "[";
  int left = 16;
  for (int value : values) {
    out += (left-- == 16 ? "" : ",") + ("{\"svn\":" + std::to_string(value) + "}");
  }
  while (left-- > 0) out += ",{\"svn\":0}";
  return out + "]";
}

std::string level(std::initializer_list<int> sgx, std::initializer_list<int> tdx, const char* status,
                  const char* more = "") {
  return R"({"tcb":{"sgxtcbcomponents":)" + svns(sgx) + R"(,"pcesvn":11,"tdxtcbcomponents":)" + svns(tdx) +
         R"(},"tcbDate":"2024-03-13T00:00:00Z","tcbStatus":")" + status + "\"" + more + "}";
}

// utc_text is a moment as UTCTime has it.
std::string utc_text(UnixTime when) {
  std::string out;
  for (char c : format_rfc3339(when).substr(2))
    if (c != '-' && c != ':' && c != 'T') out += c;
  return out;
}

std::string quoted(const std::string& text) { return "\"" + text + "\""; }

}  // namespace

DcapKey::DcapKey() : key_(EVP_PKEY_Q_keygen(private_libctx(), nullptr, "EC", "P-256")) {}

Bytes DcapKey::point() const {
  Bytes out(65);
  std::size_t size = 0;
  EVP_PKEY_get_octet_string_param(key_.get(), OSSL_PKEY_PARAM_PUB_KEY, out.data(), out.size(), &size);
  out.erase(out.begin());
  return out;
}

Bytes DcapKey::sign_der(View message) const {
  OwnedMdCtx ctx(EVP_MD_CTX_new());
  Bytes out(80);
  std::size_t size = out.size();
  EVP_DigestSignInit_ex(ctx.get(), nullptr, "SHA256", private_libctx(), nullptr, key_.get(), nullptr);
  EVP_DigestSign(ctx.get(), out.data(), &size, message.data(), message.size());
  out.resize(size);
  return out;
}

Bytes DcapKey::sign(View message) const {
  Bytes der_bytes = sign_der(message);
  DerReader outer(der_bytes);
  DerReader inner = outer.inside(der_tag::kSequence);
  Bytes out;
  for (int half = 0; half < 2; half++) {
    View number = inner.take(der_tag::kInteger);
    if (number.size() == 33) number = number.subspan(1);
    out.resize(out.size() + 32 - number.size());
    out.insert(out.end(), number.begin(), number.end());
  }
  return out;
}

DcapQuoteSpec::DcapQuoteSpec() {
  td.tee_tcb_svn = {4, 1, 7};
  td.td_attributes = {0, 0, 0, 0x10, 0, 0, 0, 0};
  td.xfam = {0xe7, 0x02, 0x06, 0, 0, 0, 0, 0};
  td.mr_td.fill(0xa1);
  for (std::size_t i = 0; i < 4; i++) td.rtmr[i].fill(static_cast<std::uint8_t>(0xb0 + i));
  td.report_data.fill(0x77);
  enclave.attributes = {0x05, 0, 0, 0, 0, 0, 0, 0, 0xe7};
  enclave.mr_enclave.fill(0xc1);
  enclave.mr_signer.fill(0xc2);
  enclave.report_data.fill(0x77);
  qe.attributes = {0x15, 0, 0, 0, 0, 0, 0, 0, 0xe7};
  qe.mr_signer.fill(0xdc);
  qe.isv_prod_id = 2;
  qe.isv_svn = 6;
}

Bytes DcapWorld::certificate(const DcapCertificateSpec& spec, const DcapKey& key, const DcapKey& by) const {
  Bytes spki = sequence({sequence({oid("2a8648ce3d0201"), oid("2a8648ce3d030107")}),
                         bit_string(join({Bytes{4}, key.point()}))});
  Bytes tbs = sequence({tlv(der_tag::context(0, true), {integer(2)}), integer(spec.serial), algorithm(),
                        name(spec.issuer), sequence({utc(spec.not_before), utc(spec.not_after)}),
                        name(spec.subject), spki, extensions(spec)});
  return signed_der(tbs, by);
}

Bytes DcapWorld::root_der() const {
  return certificate({.subject = "Intel SGX Root CA",
                      .issuer = "Intel SGX Root CA",
                      .serial = kRootSerial,
                      .ca = true,
                      .pck = {}},
                     root, root);
}
Bytes DcapWorld::ca_der() const {
  return certificate({.subject = "Intel SGX PCK Platform CA",
                      .issuer = "Intel SGX Root CA",
                      .serial = kCaSerial,
                      .ca = true,
                      .pck = {}},
                     ca, root);
}
Bytes DcapWorld::tcb_der() const {
  return certificate(
      {.subject = "Intel SGX TCB Signing", .issuer = "Intel SGX Root CA", .serial = kTcbSerial, .pck = {}},
      tcb, root);
}
Bytes DcapWorld::pck_der(const PlatformSpec& platform) const {
  return certificate({.subject = "Intel SGX PCK Certificate",
                      .issuer = "Intel SGX PCK Platform CA",
                      .serial = kPckSerial,
                      .pck = platform},
                     pck, ca);
}

Bytes DcapWorld::crl(const std::string& issuer, const DcapKey& by,
                     const std::vector<std::uint8_t>& revoked) const {
  Bytes entries;
  for (std::uint8_t serial : revoked)
    entries = join({entries, sequence({integer(serial), utc("250601000000Z")})});
  if (!entries.empty()) entries = sequence({entries});
  Bytes tbs =
      sequence({integer(1), algorithm(), name(issuer), utc(utc_text(from)), utc(utc_text(until)), entries});
  return signed_der(tbs, by);
}

std::string DcapWorld::signed_json(const std::string& what, const std::string& value) const {
  return "{\"" + what + "\":" + value + ",\"signature\":\"" + to_hex(tcb.sign(as_view(value))) + "\"}";
}

std::string DcapWorld::tcb_info(const std::string& id,
                                const std::map<std::string, std::string>& changed) const {
  const std::string zero48 = quoted(std::string(96, '0')), zero8 = quoted(std::string(16, '0')),
                    ones8 = quoted(std::string(16, 'F'));
  const std::string module =
      R"("mrsigner":)" + zero48 + R"(,"attributes":)" + zero8 + R"(,"attributesMask":)" + ones8;
  std::map<std::string, std::string> members = {
      {"id", quoted(id)},
      {"version", "3"},
      {"issueDate", quoted(format_rfc3339(from))},
      {"nextUpdate", quoted(format_rfc3339(until))},
      {"fmspc", quoted("50806f000000")},
      {"pceId", quoted("0000")},
      {"tcbType", "0"},
      {"tcbEvaluationDataNumber", "17"},
      {"tcbLevels",
       "[" + level({3, 3, 2, 2, 3, 1, 0, 3}, {5, 0, 6}, "UpToDate") + "," +
           level({2, 2, 2, 2, 3, 1, 0, 3}, {5, 0, 5}, "SWHardeningNeeded",
                 R"(,"advisoryIDs":["INTEL-SA-00615"])") +
           "," +
           level({1, 1, 1, 1, 1, 1, 0, 1}, {1, 0, 1}, "OutOfDate", R"(,"advisoryIDs":["INTEL-SA-00001"])") +
           "]"}};
  if (id == "TDX") {
    members["tdxModule"] = "{" + module + "}";
    members["tdxModuleIdentities"] =
        R"([{"id":"TDX_01",)" + module +
        R"(,"tcbLevels":[{"tcb":{"isvsvn":4},"tcbDate":"2024-03-13T00:00:00Z","tcbStatus":"UpToDate"},)"
        R"({"tcb":{"isvsvn":2},"tcbDate":"2023-03-13T00:00:00Z","tcbStatus":"OutOfDate","advisoryIDs":["INTEL-SA-01036"]}]}])";
  }
  return signed_json("tcbInfo", object(members, changed));
}

std::string DcapWorld::identity(const std::string& id,
                                const std::map<std::string, std::string>& changed) const {
  std::map<std::string, std::string> members = {
      {"id", quoted(id)},
      {"version", "2"},
      {"issueDate", quoted(format_rfc3339(from))},
      {"nextUpdate", quoted(format_rfc3339(until))},
      {"tcbEvaluationDataNumber", "17"},
      {"miscselect", quoted("00000000")},
      {"miscselectMask", quoted("FFFFFFFF")},
      {"attributes", quoted("11000000000000000000000000000000")},
      {"attributesMask", quoted("FBFFFFFFFFFFFFFF0000000000000000")},
      {"mrsigner", quoted([] {
         std::string s;
         for (int i = 0; i < 32; i++) s += "DC";
         return s;
       }())},
      {"isvprodid", "2"},
      {"tcbLevels",
       R"([{"tcb":{"isvsvn":6},"tcbDate":"2024-03-13T00:00:00Z","tcbStatus":"UpToDate"},)"
       R"({"tcb":{"isvsvn":4},"tcbDate":"2023-03-13T00:00:00Z","tcbStatus":"OutOfDate","advisoryIDs":["INTEL-SA-00002"]}])"}};
  return signed_json("enclaveIdentity", object(members, changed));
}

DcapCollateral DcapWorld::collateral(const std::string& tcb_info_json, const std::string& identity_json,
                                     const std::vector<std::uint8_t>& root_revoked,
                                     const std::vector<std::uint8_t>& pck_revoked) const {
  DcapCollateral out;
  for (View file : {as_view(tcb_info_json), as_view(identity_json)})
    if (!add_collateral(file, out)) return {};
  for (const Bytes& der :
       {crl("Intel SGX Root CA", root, root_revoked), crl("Intel SGX PCK Platform CA", ca, pck_revoked),
        tcb_der(), ca_der(), root_der()})
    if (!add_collateral(der, out)) return {};
  return out;
}

Bytes DcapWorld::quote(const DcapQuoteSpec& spec, const PlatformSpec& platform) const {
  Writer out;
  out.u16le(spec.version);
  out.u16le(2);
  out.u32le(static_cast<std::uint32_t>(spec.tee));
  out.put(Bytes(4));
  out.put(Bytes(16, 0x93));
  out.put(Bytes(20));
  bool tdx = spec.tee == TeeType::tdx;
  if (spec.version == 5) {
    out.u16le(static_cast<std::uint16_t>(!tdx ? 1 : spec.td15 ? 3 : 2));
    out.u32le(static_cast<std::uint32_t>(!tdx ? 384 : spec.td15 ? 648 : 584));
  }
  if (tdx)
    put_td(out, spec.td, spec.td15);
  else
    put_enclave(out, spec.enclave);
  Bytes signed_part = *std::move(out).finish("quote");
  EnclaveReport qe = spec.qe;
  if (spec.bind_key) {
    qe.report_data = {};
    Bytes point = attestation.point();
    std::ranges::copy(sha256({point, spec.qe_authentication}).view(), qe.report_data.begin());
  }
  Writer report;
  put_enclave(report, qe);
  Bytes qe_report = *std::move(report).finish("QE report");
  if (!steady || chain.empty()) chain = certificates_to_pem({pck_der(platform), ca_der(), root_der()});
  Bytes carried = to_bytes(as_view(chain));
  if (spec.certification < 4) carried = Bytes(std::size_t{34}, 0x22);
  Writer inner;
  inner.put(qe_report);
  inner.put(pck.sign(qe_report));
  inner.u16le(static_cast<std::uint16_t>(spec.qe_authentication.size()));
  inner.put(spec.qe_authentication);
  inner.u16le(spec.certification);
  inner.u32le(static_cast<std::uint32_t>(carried.size()));
  inner.put(carried);
  Bytes certification = *std::move(inner).finish("certification");
  Writer data;
  data.put(attestation.sign(signed_part));
  data.put(attestation.point());
  if (spec.version > 3) {
    data.u16le(6);
    data.u32le(static_cast<std::uint32_t>(certification.size()));
  }
  data.put(certification);
  Bytes signature_data = *std::move(data).finish("signature data");
  Writer whole;
  whole.put(signed_part);
  whole.u32le(static_cast<std::uint32_t>(signature_data.size()));
  whole.put(signature_data);
  whole.put(spec.trailing);
  return *std::move(whole).finish("quote");
}

}  // namespace attest::test
