// Kind "platform": platform certificates, base and delta, with their component lists.
#include "verifier/platform/platform.h"
#include "apps/attestctl/artefacts/kinds.h"
#include "apps/attestctl/artefacts/options.h"
#include "apps/attestctl/field.h"
#include "evidence/core/hex.h"
#include "evidence/core/printable.h"
#include "evidence/ek/ek_file.h"
#include "evidence/platform/platform_certificate.h"

namespace attest::ctl {
namespace {

bool looks_like(View bytes) { return static_cast<bool>(parse_platform_certificate(bytes)); }

std::string name_text(View der) {
  const std::uint8_t* at = der.data();
  Owned<X509_NAME, X509_NAME_free> name(d2i_X509_NAME(nullptr, &at, static_cast<long>(der.size())));
  OwnedBio bio(BIO_new(BIO_s_mem()));
  if (!name || !bio || X509_NAME_print_ex(bio.get(), name.get(), 0, XN_FLAG_ONELINE) < 0) return {};
  char* data = nullptr;
  long size = BIO_get_mem_data(bio.get(), &data);
  return printable({data, static_cast<std::size_t>(std::max(size, 0L))}, 1000);
}

void put(Facts& out, const char* key, const std::string& text) {
  if (!text.empty()) out[key] = text;
}

Facts component_facts(const Component& component) {
  Facts out = Facts::object();
  put(out, "class_registry", component.class_registry);
  put(out, "class", component.class_value);
  out["manufacturer"] = component.manufacturer;
  out["model"] = component.model;
  put(out, "serial", component.serial);
  put(out, "revision", component.revision);
  put(out, "manufacturer_id", component.manufacturer_id);
  if (component.field_replaceable) out["field_replaceable"] = *component.field_replaceable;
  for (const auto& [kind, text] : component.addresses)
    out["addresses"].push_back({{"kind", kind}, {"address", text}});
  if (component.status) out["status"] = *component.status;
  return out;
}

Facts list_facts(const std::vector<Component>& components) {
  Facts out = Facts::array();
  for (const Component& component : components) out.push_back(component_facts(component));
  return out;
}

Facts claims_facts(const PlatformClaims& claims) {
  Facts out = Facts::object();
  put(out, "platform_manufacturer", claims.manufacturer);
  put(out, "platform_manufacturer_id", claims.manufacturer_id);
  put(out, "platform_model", claims.model);
  put(out, "platform_version", claims.version);
  put(out, "platform_serial", claims.serial);
  put(out, "credential_type", claims.credential_type);
  put(out, "platform_specification", claims.platform_specification);
  put(out, "platform_class", claims.platform_class);
  put(out, "credential_specification", claims.credential_specification);
  if (claims.rtm_type) out["rtm_type"] = *claims.rtm_type;
  if (claims.iso9000) out["iso9000"] = *claims.iso9000;
  put(out, "configuration_version", claims.configuration_version);
  out["components"] = list_facts(claims.components);
  out["properties"] = Facts::array();
  for (const PlatformProperty& property : claims.properties)
    out["properties"].push_back({{"name", property.name}, {"value", property.value}});
  put(out, "components_uri", claims.components_uri);
  put(out, "properties_uri", claims.properties_uri);
  put(out, "configuration_uri", claims.configuration_uri);
  if (!claims.other_traits.empty()) out["other_traits"] = claims.other_traits;
  return out;
}

Facts certificate_facts(const PlatformCertificate& certificate) {
  Facts out = {
      {"certificate_kind", certificate.attribute_form ? "attribute-certificate" : "public-key-certificate"},
      {"version", certificate.version},
      {"serial", to_hex(certificate.serial)},
      {"issuer", name_text(certificate.issuer_name)}};
  if (certificate.holder.has_certificate)
    out["holder"] = {{"issuer", name_text(certificate.holder.issuer_name)},
                     {"serial", to_hex(certificate.holder.serial)}};
  out["not_before"] = format_rfc3339(certificate.not_before);
  out["not_after"] = format_rfc3339(certificate.not_after);
  out["sig_alg_oid"] = certificate.signature_oid;
  out["attribute_oids"] = certificate.attribute_oids;
  out["extension_oids"] = Facts::array();
  for (const PlatformExtension& extension : certificate.extensions)
    out["extension_oids"].push_back(extension.oid);
  out["der_trailing_bytes"] = certificate.trailing_bytes;
  out.update(claims_facts(certificate.claims));
  return out;
}

Result<Facts> inspect(const ArtefactInput& input) {
  TRY(PlatformCertificate certificate, parse_platform_certificate(input.file.bytes));
  return certificate_facts(certificate);
}

Component inventory_component(const Json& item) {
  const Json& kind = field(item, "COMPONENTCLASS");
  Component out;
  out.class_registry = text_of(kind, "COMPONENTCLASSREGISTRY");
  out.class_value = text_of(kind, "COMPONENTCLASSVALUE");
  for (char& c : out.class_value) c = static_cast<char>(c >= 'A' && c <= 'F' ? c + 32 : c);
  out.manufacturer = printable(text_of(item, "MANUFACTURER"), 400);
  out.model = printable(text_of(item, "MODEL"), 400);
  out.serial = printable(text_of(item, "SERIAL"), 400);
  out.revision = printable(text_of(item, "REVISION"), 400);
  return out;
}

// read_inventory takes a raw SMBIOS table, or the JSON that the collectors of certificate tools write.
Result<Inventory> read_inventory(View bytes) {
  Json json = Json::parse(bytes.begin(), bytes.end(), nullptr, false);
  if (!json.is_object()) return parse_smbios(bytes);
  Inventory out;
  const Json& platform = field(json, "PLATFORM");
  out.manufacturer = text_of(platform, "PLATFORMMANUFACTURERSTR");
  out.model = text_of(platform, "PLATFORMMODEL");
  out.version = text_of(platform, "PLATFORMVERSION");
  out.serial = text_of(platform, "PLATFORMSERIAL");
  for (const Json& item : list_of(json, "COMPONENTS")) out.components.push_back(inventory_component(item));
  return out;
}

PlatformPolicy policy_of(const Json& json) {
  PlatformPolicy policy;
  policy.allow_sha1 = flag_of(json, "allow_sha1");
  policy.strict = flag_of(json, "strict");
  policy.issuer_by_key = flag_of(json, "issuer_by_key");
  policy.extra_components = flag_of(json, "extra_components");
  for (const Json& check : list_of(json, "demand"))
    if (check.is_string()) policy.demand.push_back(check.get<std::string>());
  return policy;
}

// Companions holds what PlatformQuestion lends; deltas are the roles "delta", "delta2" and so on, in that
// order.
struct Companions {
  std::optional<PlatformCertificate> base;
  std::vector<PlatformCertificate> deltas;
  std::optional<Inventory> inventory;
  std::vector<Bytes> chain;
  Bytes ek;
};

Status read_companions(const ArtefactInput& input, Companions& out) {
  for (const auto& [role, file] : input.with) {
    if (role == "base") {
      TRY(out.base, parse_platform_certificate(file.bytes));
    } else if (role.starts_with("delta")) {
      TRY(PlatformCertificate delta, parse_platform_certificate(file.bytes));
      out.deltas.push_back(std::move(delta));
    } else if (role == "components") {
      TRY(out.inventory, read_inventory(file.bytes));
    } else if (role == "chain") {
      TRY(EkFile chain, read_ek_file(file.bytes));
      out.chain = std::move(chain.certificates);
    } else if (role == "ek") {
      TRY(EkFile ek, read_ek_file(file.bytes));
      out.ek = std::move(ek.certificates.front());
    }
  }
  return ok();
}

Result<ArtefactAppraisal> appraise(const ArtefactInput& input) {
  TRY(PlatformCertificate certificate, parse_platform_certificate(input.file.bytes));
  Companions companions;
  CHECK_OK(read_companions(input, companions));
  PlatformQuestion question;
  question.certificate = &certificate;
  if (companions.base) question.base = &*companions.base;
  for (const PlatformCertificate& delta : companions.deltas) question.deltas.push_back(&delta);
  if (companions.inventory) question.inventory = &*companions.inventory;
  question.anchors = &input.roots_der;
  question.intermediates = &companions.chain;
  question.ek_certificate_der = companions.ek;
  question.at = input.at;
  question.policy = policy_of(input.policy);
  TRY(PlatformFindings found, judge_platform(question));
  ArtefactAppraisal out;
  out.facts = certificate_facts(certificate);
  put(out.facts, "signed_by", found.signed_by);
  if (!companions.deltas.empty() || companions.base)
    out.facts["resulting_components"] = list_facts(found.components);
  out.checks = std::move(found.checks);
  return out;
}

}  // namespace

ArtefactKind platform_kind() {
  return {"platform", "platform certificates: who made a machine and of what", looks_like, inspect, appraise};
}

}  // namespace attest::ctl
