#include "evidence/cmc/component.h"

namespace attest::cmc {
namespace {

constexpr std::size_t kMaxHashes = 16;
constexpr std::size_t kMaxProperties = 64;

enum : std::size_t { kType, kName, kHashes, kVersion, kOptional, kDescription, kProperties, kEventData, kCtrData, kIntel, kPurl };
constexpr Field kComponent[] = {{"type", 0},       {"name", 1},       {"hashes", 2},     {"version", 3},
                                {"optional", 4},   {"description", 5}, {"properties", 6}, {"eventdata", 7},
                                {"ctrData", 8},    {"intelCollateral", 9}, {"purl", 10}};
constexpr Field kHash[] = {{"alg", 0}, {"content", 1}};
constexpr Field kProperty[] = {{"name", 0}, {"value", 1}};
constexpr Field kCtr[] = {{"configSha256", 0}, {"rootfsSha256", 1}, {"ociSpec", Field::kTextKey}};

struct IntelRow {
  Field field;
  Bytes IntelCollateral::* member;
};
constexpr IntelRow kIntelRows[] = {{{"tcbInfo", 0}, &IntelCollateral::tcb_info},
                                   {{"qeIdentity", 1}, &IntelCollateral::qe_identity},
                                   {{"rootCaCrl", 2}, &IntelCollateral::root_ca_crl},
                                   {{"pckCrl", 3}, &IntelCollateral::pck_crl},
                                   {{"pckCrlIntermediateCert", 4}, &IntelCollateral::pck_crl_intermediate},
                                   {{"pckCrlRootCert", 5}, &IntelCollateral::pck_crl_root},
                                   {{"tcbInfoIntermediateCert", 6}, &IntelCollateral::tcb_info_intermediate},
                                   {{"tcbInfoRootCert", 7}, &IntelCollateral::tcb_info_root},
                                   {{"qeIdentityIntermediateCert", 8}, &IntelCollateral::qe_identity_intermediate},
                                   {{"qeIdentityRootCert", 9}, &IntelCollateral::qe_identity_root}};

std::vector<Field> intel_fields() {
  std::vector<Field> fields;
  for (const IntelRow& row : kIntelRows) fields.push_back(row.field);
  return fields;
}

void read_hash(Source& in, ComponentHash& out) {
  in.object(kHash, [&](std::size_t i) {
    if (i == 0)
      out.alg = in.text();
    else
      out.content = in.hex();
  });
}

void read_property(Source& in, Property& out) {
  in.object(kProperty, [&](std::size_t i) { (i == 0 ? out.name : out.value) = in.text(); });
}

void read_ctr(Source& in, CtrData& out) {
  in.object(kCtr, [&](std::size_t i) {
    if (i == 0)
      out.config_sha256 = in.hex();
    else if (i == 1)
      out.rootfs_sha256 = in.hex();
    else
      out.oci_spec = in.free();
  });
}

void read_intel(Source& in, IntelCollateral& out) {
  static const std::vector<Field> fields = intel_fields();
  in.object(fields, [&](std::size_t i) { out.*kIntelRows[i].member = in.bytes(); });
}

// Before are the properties of the component before, and the bytes they stood in: most components of a list have the same.
struct Before {
  View bytes;
  SharedList<Property> properties;
};

void read_properties(Source& in, SharedList<Property>& out, Before& before) {
  if (in.repeats(before.bytes)) {
    out = before.properties;
    return;
  }
  View from = in.rest();
  read_list(in, out.edit(), kMaxProperties, "properties", [&](Property& property) { read_property(in, property); });
  if (!in.good()) return;
  if (out == before.properties) out = before.properties;
  before = {from.first(from.size() - in.rest().size()), out};
}

void read_member(Source& in, std::size_t field, Component& out, Before& before) {
  switch (field) {
    case kType:
      out.type = in.text();
      break;
    case kName:
      out.name = in.text();
      break;
    case kHashes:
      return read_list(in, out.hashes, kMaxHashes, "hashes", [&](ComponentHash& hash) { read_hash(in, hash); });
    case kVersion:
      out.version = in.text();
      break;
    case kOptional:
      out.optional = in.boolean();
      break;
    case kDescription:
      out.description = in.text();
      break;
    case kProperties:
      return read_properties(in, out.properties, before);
    case kEventData:
      out.event_data = in.free();
      break;
    case kCtrData:
      if (!in.null()) read_ctr(in, out.ctr.emplace());
      break;
    case kIntel:
      if (!in.null()) read_intel(in, out.intel.emplace());
      break;
    default:
      out.purl = in.text();
  }
}

// read_plain is false where a component has more than a LentComponent can say.
bool read_plain(CborSource& in, LentComponent& out, View& before) {
  bool plain = true;
  std::size_t hashes = 0, properties = 0;
  auto hash = [&](std::size_t i) {
    if (i == 0)
      out.alg = in.lent_text();
    else
      out.content = in.lent_bytes();
  };
  in.object(kComponent, [&](std::size_t field) {
    switch (field) {
      case kName:
        out.name = in.lent_text();
        break;
      case kDescription:
        out.description = in.lent_text();
        break;
      case kHashes:
        return in.array([&] { hashes++ == 0 ? in.object(kHash, hash) : in.skip(); });
      case kOptional:
        in.boolean();
        break;
      case kProperties: {
        if (in.repeats(before)) return;
        View from = in.rest();
        in.array([&] {
          properties++;
          in.object(kProperty, [&](std::size_t) { in.lent_text(); });
        });
        if (in.good() && properties <= kMaxProperties) before = from.first(from.size() - in.rest().size());
        return;
      }
      case kType:
      case kVersion:
      case kPurl:
        in.lent_text();
        break;
      default:
        plain = false;
        in.skip();
    }
  });
  return plain && hashes <= 1 && properties <= kMaxProperties;
}

void read_lent(CborSource& in, LentComponent& out, View& before) {
  CborSource again = in;
  if (read_plain(in, out, before) || !in.good()) return;
  out = {};
  in = again;
  read_component(in, out.whole.emplace());
}

void write_hash(Sink& out, const ComponentHash& hash) {
  out.object();
  write_text(out, kHash[0], hash.alg);
  out.key(kHash[1]);
  out.hex(hash.content);
  out.end_object();
}

void write_property(Sink& out, const Property& property) {
  out.object();
  write_text(out, kProperty[0], property.name);
  write_text(out, kProperty[1], property.value);
  out.end_object();
}

void write_intel(Sink& out, const IntelCollateral& intel) {
  out.object();
  for (const IntelRow& row : kIntelRows) {
    out.key(row.field);
    out.bytes(intel.*row.member);
  }
  out.end_object();
}

}  // namespace

void write_ctr_data(Sink& out, const CtrData& ctr) {
  out.object();
  out.key(kCtr[0]);
  out.hex(ctr.config_sha256);
  out.key(kCtr[1]);
  out.hex(ctr.rootfs_sha256);
  if (ctr.oci_spec) {
    out.key(kCtr[2]);
    out.free(*ctr.oci_spec);
  }
  out.end_object();
}

const Bytes* Component::hash(HashAlg alg) const {
  for (const ComponentHash& hash : hashes)
    if (hash_alg_from_name(hash.alg) == alg && hash.content.size() == digest_size(alg)) return &hash.content;
  return nullptr;
}

const std::string* Component::property(std::string_view wanted) const {
  for (const Property& property : properties)
    if (property.name == wanted) return &property.value;
  return nullptr;
}

std::string hash_name(HashAlg alg) {
  std::string name = hash_alg_name(alg);
  return name.replace(0, 3, "SHA-");
}

void read_component(Source& in, Component& out) {
  Before nothing;
  in.object(kComponent, [&](std::size_t field) { read_member(in, field, out, nothing); });
}

void read_components(Source& in, std::vector<Component>& out) {
  Before before;
  read_list(in, out, Source::kMaxElements, "components", [&](Component& component) {
    in.object(kComponent, [&](std::size_t field) { read_member(in, field, component, before); });
  });
}

void read_lent_components(CborSource& in, std::vector<LentComponent>& out) {
  View before;
  read_list(in, out, Source::kMaxElements, "components", [&](LentComponent& component) { read_lent(in, component, before); });
}

void write_component(Sink& out, const Component& c) {
  out.object();
  write_text(out, kComponent[kType], c.type);
  write_text(out, kComponent[kName], c.name);
  write_list(out, kComponent[kHashes], c.hashes, [&](const ComponentHash& hash) { write_hash(out, hash); });
  write_some(out, kComponent[kVersion], c.version);
  if (c.optional) {
    out.key(kComponent[kOptional]);
    out.boolean(true);
  }
  write_some(out, kComponent[kDescription], c.description);
  write_list(out, kComponent[kProperties], c.properties, [&](const Property& property) { write_property(out, property); });
  if (c.event_data) {
    out.key(kComponent[kEventData]);
    out.free(*c.event_data);
  }
  if (c.ctr) {
    out.key(kComponent[kCtrData]);
    write_ctr_data(out, *c.ctr);
  }
  if (c.intel) {
    out.key(kComponent[kIntel]);
    write_intel(out, *c.intel);
  }
  write_some(out, kComponent[kPurl], c.purl);
  out.end_object();
}

}  // namespace attest::cmc
