// platform_maker.h: platform certificates made on the spot, of every version of the profile. Everything can
// be bent.
#pragma once
#include "evidence/platform/components.h"
#include "test/support/test_ca.h"

namespace attest::test {

// der writes one value; joined several one behind the other.
Bytes der(std::uint8_t tag, View body);
Bytes der(std::uint8_t tag, std::string_view text);
Bytes joined(std::initializer_list<Bytes> parts);
Bytes der_oid(const std::string& dotted);
Bytes subject_der(const X509* certificate);
Bytes issuer_der(const X509* certificate);
Bytes serial_of(const X509* certificate);

struct PlatformSpec {
  Bytes holder_issuer, holder_serial;  // DER Name, content of the INTEGER
  Bytes serial = {0x07, 0x7f};
  UnixTime not_before = kTestNow - kDay, not_after = kTestNow + kDay;
  std::string credential_type = "2.23.133.8.2";
  int configuration = 2;  // 1, 2 or 3; 0: none
  std::vector<Component> components;
  std::string manufacturer = "Test Inc.", model = "Box 1", version = "1", machine_serial = "SN-1";
  Bytes more_attributes;            // DER Attributes behind the others
  Bytes more_extensions;            // DER Extensions behind the others
  std::uint8_t version_number = 1;  // v2
  bool other_inner_algorithm = false;
};

// make_platform writes an attribute certificate, signed by the issuer's P-256 key.
Bytes make_platform(const PlatformSpec& spec, const TestCert& issuer);
Component make_component(std::string class_value, std::string manufacturer, std::string model,
                         std::string serial);

}  // namespace attest::test
