// components.h: what a platform certificate says a machine consists of (TCG Platform Certificate
// Profile 1.0, 1.1, 2.0).
#pragma once
#include <optional>

#include "evidence/x509/der.h"

namespace attest {

// Component is a ComponentIdentifier of any version of the profile. Texts are printable ASCII.
struct Component {
  std::string class_registry;  // dotted OID; empty in version 1.0
  std::string class_value;     // 8 hex digits; empty in version 1.0
  std::string manufacturer, model, serial, revision;
  std::string manufacturer_id;  // dotted OID of a private enterprise
  std::optional<bool> field_replaceable;
  std::vector<std::pair<std::string, std::string>> addresses;  // OID of the kind, text
  std::optional<int> status;  // in delta certificates: 0 added, 1 modified, 2 removed
};

struct PlatformProperty {
  std::string name, value;
  std::optional<int> status;
};

// PlatformClaims is what the attributes and extensions say together.
struct PlatformClaims {
  static constexpr std::size_t kMaxComponents = 4096;
  std::string manufacturer, model, version, serial, manufacturer_id;
  std::string credential_type;         // dotted OID: 2.23.133.8.2 base, 2.23.133.8.5 delta; empty: not said
  std::string platform_specification;  // "2.0.1"
  std::string platform_class;          // hex
  std::string credential_specification;
  std::optional<int> rtm_type;
  std::optional<bool> iso9000;
  std::string configuration_version;  // "1", "2", "3"; empty: no component list
  std::vector<Component> components;
  std::vector<PlatformProperty> properties;
  std::string components_uri, properties_uri, configuration_uri;
  std::vector<std::string> other_traits;  // OIDs of traits of version 2.0 that are no component
};

// read_platform_attribute adds what one attribute says; values is the content of its SET. Unknown attributes
// are passed over; malformed for known ones that do not have their form.
Status read_platform_attribute(std::string_view oid, View values, PlatformClaims& out);
// read_platform_name adds manufacturer, model, version and serial of a subjectAltName extension.
void read_platform_name(View alt_names, PlatformClaims& out);

}  // namespace attest
