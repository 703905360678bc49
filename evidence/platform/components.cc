#include "evidence/platform/components.h"

#include "evidence/core/hex.h"
#include "evidence/core/printable.h"

namespace attest {
namespace {

namespace tag = der_tag;
constexpr std::size_t kMaxText = 400;
constexpr std::string_view kComponentTrait = "2.23.133.19.1.5";

std::string text_of(View body) { return printable(as_text(body), kMaxText); }
std::string text_if(DerReader& in, std::uint8_t t) {
  auto body = in.take_if(t);
  return body ? text_of(*body) : std::string();
}
std::optional<int> small_if(DerReader& in, std::uint8_t t) {
  auto body = in.take_if(t);
  if (!body) return std::nullopt;
  auto number = der_integer(*body);
  if (!number || *number > 255) in.fail();
  return number ? std::optional<int>(static_cast<int>(*number)) : std::nullopt;
}

// read_class reads a bare OCTET STRING (drafts of 1.1) or a registry with a value.
void read_class(DerReader& in, Component& out) {
  if (auto bare = in.take_if(tag::kOctetString)) out.class_value = to_hex(*bare);
  if (auto both = in.take_if(tag::kSequence)) {
    DerReader inner(*both);
    out.class_registry = oid_text(inner.take(tag::kOid));
    out.class_value = to_hex(inner.take(tag::kOctetString));
    if (!inner.good()) in.fail();
  }
}

void read_addresses(View body, DerReader& outer, Component& out) {
  DerReader list(body);
  while (list.more()) {
    DerReader one(list.take(tag::kSequence));
    std::string kind = oid_text(one.take(tag::kOid));
    out.addresses.emplace_back(std::move(kind), text_of(one.take(tag::kUtf8)));
    if (!one.good()) list.fail();
  }
  if (!list.good()) outer.fail();
}

Component read_component(View body, DerReader& outer) {
  DerReader in(body);
  Component out;
  read_class(in, out);
  out.manufacturer = text_of(in.take(tag::kUtf8));
  out.model = text_of(in.take(tag::kUtf8));
  out.serial = text_if(in, tag::context(0, false));
  out.revision = text_if(in, tag::context(1, false));
  if (auto id = in.take_if(tag::context(2, false))) out.manufacturer_id = oid_text(*id);
  if (auto replaceable = in.take_if(tag::context(3, false)))
    out.field_replaceable = replaceable->size() == 1 && (*replaceable)[0] != 0;
  if (auto addresses = in.take_if(tag::context(4, true))) read_addresses(*addresses, in, out);
  while (in.more() && !in.at(tag::context(7, false)))
    in.next();  // [5] and [6]: certificates of the component
  out.status = small_if(in, tag::context(7, false));
  if (!in.done("component")) outer.fail();
  return out;
}

void add_component(Component component, DerReader& list, PlatformClaims& out) {
  if (out.components.size() >= PlatformClaims::kMaxComponents) return list.fail();
  out.components.push_back(std::move(component));
}

// read_traits reads one component of version 2.0: a list of traits, of which one is the identifier.
void read_traits(View body, DerReader& list, PlatformClaims& out) {
  DerReader traits(body);
  while (traits.more()) {
    DerReader trait(traits.take(tag::kSequence));
    std::string id = oid_text(trait.take(tag::kOid));
    trait.take(tag::kOid);  // category
    trait.take(tag::kOid);  // registry
    DerValue value = trait.next();
    if (!trait.good()) traits.fail();
    if (id == kComponentTrait && value.tag == tag::kSequence)
      add_component(read_component(value.body, traits), list, out);
    else if (out.other_traits.size() < PlatformClaims::kMaxComponents)
      out.other_traits.push_back(id);
  }
  if (!traits.good()) list.fail();
}

void read_properties(View body, DerReader& outer, PlatformClaims& out) {
  DerReader list(body);
  while (list.more() && out.properties.size() < PlatformClaims::kMaxComponents) {
    DerReader one(list.take(tag::kSequence));
    PlatformProperty property;
    property.name = text_of(one.take(tag::kUtf8));
    property.value = text_of(one.take(tag::kUtf8));
    property.status = small_if(one, tag::context(0, false));
    if (!one.good()) list.fail();
    out.properties.push_back(std::move(property));
  }
  if (!list.good() || list.more()) outer.fail();
}

std::string read_uri(View body) {  // URIReference: the URI, then perhaps a digest
  DerReader in(body);
  return text_of(in.take(tag::kIa5));
}

// read_configuration reads PlatformConfiguration: version 1 has no URI for components, version 3 lists
// traits.
Status read_configuration(View value, int version, PlatformClaims& out) {
  DerReader in(value);
  out.configuration_version = std::to_string(version);
  if (auto components = in.take_if(tag::context(0, true))) {
    DerReader list(*components);
    while (list.more()) {
      View one = list.take(tag::kSequence);
      if (version == 3)
        read_traits(one, list, out);
      else
        add_component(read_component(one, list), list, out);
    }
    CHECK_OK(list.done("component list"));
  }
  unsigned next = 1;
  if (version == 2)
    if (auto uri = in.take_if(tag::context(next++, true))) out.components_uri = read_uri(*uri);
  if (auto properties = in.take_if(tag::context(next++, true))) read_properties(*properties, in, out);
  if (auto uri = in.take_if(tag::context(next, true))) out.properties_uri = read_uri(*uri);
  return in.done("platform configuration");
}

// version_text reads three INTEGERs, in a SEQUENCE of their own or not.
std::string version_text(DerReader& in) {
  if (auto inner = in.take_if(tag::kSequence)) {
    DerReader own(*inner);
    return version_text(own);
  }
  std::string text;
  for (int i = 0; i < 3 && in.at(tag::kInteger); i++) {
    auto number = der_integer(in.take(tag::kInteger));
    text += (i == 0 ? "" : ".") + std::to_string(number.value_or(0));
  }
  return text;
}

void read_assertions(View value, PlatformClaims& out) {
  DerReader in(value);  // TBBSecurityAssertions
  while (in.more()) {
    DerValue field = in.next();
    if (field.tag == tag::context(2, false))
      if (auto type = der_integer(field.body); type && *type <= 255) out.rtm_type = static_cast<int>(*type);
    if (field.tag == tag::kBoolean && field.body.size() == 1) out.iso9000 = field.body[0] != 0;
  }
}

void name_part(std::string_view oid, View value, PlatformClaims& out) {
  std::string text = text_of(value);
  // 2.23.133.2.4 to 2.23.133.2.6, and 2.23.133.2.23 here, are the names of TPM 1.2 times.
  if (oid == "2.23.133.5.1.1" || oid == "2.23.133.2.4") out.manufacturer = text;
  if (oid == "2.23.133.5.1.4" || oid == "2.23.133.2.5") out.model = text;
  if (oid == "2.23.133.5.1.5" || oid == "2.23.133.2.6") out.version = text;
  if (oid == "2.23.133.5.1.6" || oid == "2.23.133.2.23") out.serial = text;
  if (oid == "2.23.133.5.1.2") {
    DerReader in(value);
    out.manufacturer_id = oid_text(in.take(tag::kOid));
  }
}

void read_rdns(View rdns, PlatformClaims& out) {
  DerReader sets(rdns);
  while (sets.more()) {
    DerReader set(sets.take(tag::kSet));
    while (set.more()) {
      DerReader pair(set.take(tag::kSequence));
      std::string oid = oid_text(pair.take(tag::kOid));
      DerValue value = pair.next();
      name_part(oid, value.body, out);
    }
  }
}

}  // namespace

Status read_platform_attribute(std::string_view oid, View values, PlatformClaims& out) {
  DerReader set(values);
  if (oid == "2.23.133.5.1.7.1" || oid == "2.23.133.5.1.7.2" || oid == "2.23.133.5.1.7.3") {
    View value = set.take(tag::kSequence);
    CHECK_OK(set.done("platform configuration"));
    return read_configuration(value, oid.back() - '0', out);
  }
  if (oid == "2.23.133.2.25") {  // TCGCredentialType
    DerReader in(set.take(tag::kSequence));
    out.credential_type = oid_text(in.take(tag::kOid));
    if (!in.good()) set.fail();
  } else if (oid == "2.23.133.2.17") {  // TCGPlatformSpecification
    DerReader in(set.take(tag::kSequence));
    out.platform_specification = version_text(in);
    if (auto platform_class = in.take_if(tag::kOctetString)) out.platform_class = to_hex(*platform_class);
    if (!in.good()) set.fail();
  } else if (oid == "2.23.133.2.23") {  // TCGCredentialSpecification
    DerReader in(set.take(tag::kSequence));
    out.credential_specification = version_text(in);
  } else if (oid == "2.23.133.2.19") {
    read_assertions(set.take(tag::kSequence), out);
  } else if (oid == "2.23.133.5.1.3") {
    out.configuration_uri = read_uri(set.take(tag::kSequence));
  } else {
    return ok();
  }
  if (!set.good()) return Error{Errc::malformed, "platform certificate: attribute " + std::string(oid)};
  return ok();
}

void read_platform_name(View alt_names, PlatformClaims& out) {
  DerReader outer(alt_names);
  View body = outer.take(tag::kSequence);
  DerReader names(body);
  if (names.at(tag::kSet)) return read_rdns(body, out);  // a bare name, as early certificates have it
  while (names.more()) {
    DerValue one = names.next();
    if (one.tag != tag::context(4, true)) continue;
    DerReader directory(one.body);
    read_rdns(directory.take(tag::kSequence), out);
  }
}

}  // namespace attest
