#include "test/support/platform_maker.h"

#include "evidence/core/hex.h"
#include "test/support/recording.h"
#include "test/support/test_ak.h"

namespace attest::test {
namespace {

namespace tag = der_tag;

Bytes algorithm(const char* oid) { return der(tag::kSequence, der_oid(oid)); }

Bytes general_name(View name) { return der(tag::kSequence, der(tag::context(4, true), name)); }

Bytes attribute(const std::string& oid, const Bytes& value) {
  return der(tag::kSequence, joined({der_oid(oid), der(tag::kSet, value)}));
}

Bytes optional_text(unsigned number, const std::string& text) {
  return text.empty() ? Bytes{} : der(tag::context(number, false), text);
}

Bytes component_der(const Component& c, int configuration) {
  Bytes kind;
  if (configuration > 1)
    kind = der(tag::kSequence,
               joined({der_oid("2.23.133.18.3.3"), der(tag::kOctetString, must(from_hex(c.class_value)))}));
  Bytes status;
  if (c.status) status = der(tag::context(7, false), Bytes{static_cast<std::uint8_t>(*c.status)});
  Bytes body = joined({kind, der(tag::kUtf8, c.manufacturer), der(tag::kUtf8, c.model),
                       optional_text(0, c.serial), optional_text(1, c.revision), status});
  Bytes component = der(tag::kSequence, body);
  if (configuration < 3) return component;
  Bytes trait = joined(
      {der_oid("2.23.133.19.1.5"), der_oid("2.23.133.19.2.26"), der_oid("2.23.133.18.3.3"), component});
  return der(tag::kSequence, der(tag::kSequence, trait));
}

Bytes configuration_der(const PlatformSpec& spec) {
  Bytes list;
  for (const Component& c : spec.components) list = joined({list, component_der(c, spec.configuration)});
  Bytes property = der(tag::kSequence, joined({der(tag::kUtf8, "colour"), der(tag::kUtf8, "grey")}));
  Bytes properties = der(tag::context(spec.configuration == 2 ? 2 : 1, true), property);
  return der(tag::kSequence, joined({der(tag::context(0, true), list), properties}));
}

Bytes attributes(const PlatformSpec& spec) {
  Bytes out;
  if (!spec.credential_type.empty())
    out = attribute("2.23.133.2.25", der(tag::kSequence, der_oid(spec.credential_type)));
  Bytes number =
      joined({der(tag::kInteger, Bytes{1}), der(tag::kInteger, Bytes{3}), der(tag::kInteger, Bytes{22})});
  out = joined({out, attribute("2.23.133.2.17",
                               der(tag::kSequence, joined({der(tag::kSequence, number),
                                                           der(tag::kOctetString, Bytes{0, 0, 0, 1})})))});
  if (spec.configuration > 0)
    out = joined(
        {out, attribute("2.23.133.5.1.7." + std::to_string(spec.configuration), configuration_der(spec))});
  return der(tag::kSequence, joined({out, spec.more_attributes}));
}

Bytes name_part(const char* oid, const std::string& text) {
  return der(tag::kSet, der(tag::kSequence, joined({der_oid(oid), der(tag::kUtf8, text)})));
}

Bytes extension(const char* oid, const Bytes& value) {
  return der(tag::kSequence, joined({der_oid(oid), der(tag::kOctetString, value)}));
}

Bytes extensions(const PlatformSpec& spec) {
  Bytes name = der(
      tag::kSequence,
      joined({name_part("2.23.133.5.1.1", spec.manufacturer), name_part("2.23.133.5.1.4", spec.model),
              name_part("2.23.133.5.1.5", spec.version), name_part("2.23.133.5.1.6", spec.machine_serial)}));
  Bytes policies = der(tag::kSequence, der(tag::kSequence, der_oid("1.2.3.4")));
  return der(tag::kSequence, joined({extension("2.5.29.17", general_name(name)),
                                     extension("2.5.29.32", policies), spec.more_extensions}));
}

Bytes moment(UnixTime when) {
  std::string digits;
  for (char c : format_rfc3339(when))
    if (c >= '0' && c <= '9') digits += c;
  return der(tag::kGeneralizedTime, digits + "Z");
}

}  // namespace

Bytes joined(std::initializer_list<Bytes> parts) {
  Bytes out;
  for (const Bytes& part : parts) out.insert(out.end(), part.begin(), part.end());
  return out;
}

Bytes der(std::uint8_t tag_byte, View body) {
  Writer out;
  out.u8(tag_byte);
  if (body.size() < 0x80) {
    out.u8(static_cast<std::uint8_t>(body.size()));
  } else if (body.size() < 0x100) {
    out.u8(0x81);
    out.u8(static_cast<std::uint8_t>(body.size()));
  } else {
    out.u8(0x82);
    out.u16be(static_cast<std::uint16_t>(body.size()));
  }
  out.put(body);
  return must(std::move(out).finish("der"));
}

Bytes der(std::uint8_t tag_byte, std::string_view text) { return der(tag_byte, as_view(text)); }

Bytes der_oid(const std::string& dotted) {
  Owned<ASN1_OBJECT, ASN1_OBJECT_free> object(OBJ_txt2obj(dotted.c_str(), 1));
  if (!object) give_up("oid");
  return der(tag::kOid, View{OBJ_get0_data(object.get()), OBJ_length(object.get())});
}

Bytes name_der(const X509_NAME* name) {
  unsigned char* out = nullptr;
  int size = i2d_X509_NAME(name, &out);
  if (size <= 0) give_up("name");
  Bytes copy(out, out + size);
  OPENSSL_free(out);
  return copy;
}
Bytes subject_der(const X509* certificate) { return name_der(X509_get_subject_name(certificate)); }
Bytes issuer_der(const X509* certificate) { return name_der(X509_get_issuer_name(certificate)); }

Bytes serial_of(const X509* certificate) {
  const ASN1_INTEGER* serial = X509_get0_serialNumber(certificate);
  const unsigned char* data = ASN1_STRING_get0_data(serial);
  return {data, data + ASN1_STRING_length(serial)};
}

Component make_component(std::string class_value, std::string manufacturer, std::string model,
                         std::string serial) {
  Component out;
  out.class_registry = "2.23.133.18.3.3";
  out.class_value = std::move(class_value);
  out.manufacturer = std::move(manufacturer);
  out.model = std::move(model);
  out.serial = std::move(serial);
  return out;
}

Bytes make_platform(const PlatformSpec& spec, const TestCert& issuer) {
  constexpr const char* kEcdsaSha256 = "1.2.840.10045.4.3.2";
  Bytes base = joined({general_name(spec.holder_issuer), der(tag::kInteger, spec.holder_serial)});
  Bytes holder = der(tag::kSequence, der(tag::context(0, true), base));
  Bytes by = der(tag::context(0, true), general_name(subject_der(issuer.certificate.get())));
  Bytes info = joined({der(tag::kInteger, Bytes{spec.version_number}), holder, by,
                       algorithm(spec.other_inner_algorithm ? "1.2.840.10045.4.3.3" : kEcdsaSha256),
                       der(tag::kInteger, spec.serial),
                       der(tag::kSequence, joined({moment(spec.not_before), moment(spec.not_after)})),
                       attributes(spec), extensions(spec)});
  Bytes signed_part = der(tag::kSequence, info);
  Bytes signature = joined({Bytes{0}, sign_der(signed_part, issuer.key.get())});
  return der(tag::kSequence, joined({signed_part, algorithm(kEcdsaSha256), der(tag::kBitString, signature)}));
}

}  // namespace attest::test
