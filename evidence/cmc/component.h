// component.h: CMC's components: measured events and reference values alike (CycloneDX 1.7).
#pragma once
#include <nlohmann/json.hpp>
#include <optional>

#include "evidence/cmc/codec.h"
#include "evidence/core/hash.h"

namespace attest::cmc {

struct ComponentHash {
  std::string alg;  // "SHA-256"
  Bytes content;
  bool operator==(const ComponentHash&) const = default;
};

struct Property {
  std::string name, value;
  bool operator==(const Property&) const = default;
};

// CtrData is a measured container: SHA-256 of its normalised configuration and of its root file system.
struct CtrData {
  Bytes config_sha256, rootfs_sha256;
  std::optional<nlohmann::json> oci_spec;
  bool operator==(const CtrData&) const = default;
};

// IntelCollateral is what Intel's provisioning service answered, complete and unmodified.
struct IntelCollateral {
  Bytes tcb_info, qe_identity;             // JSON bodies
  Bytes root_ca_crl, pck_crl;              // DER
  Bytes pck_crl_intermediate, pck_crl_root, tcb_info_intermediate, tcb_info_root, qe_identity_intermediate,
      qe_identity_root;                    // DER certificates
  bool operator==(const IntelCollateral&) const = default;
};

struct Component {
  std::string type, name;
  std::vector<ComponentHash> hashes;
  std::string version;
  bool optional = false;
  std::string description;
  std::vector<Property> properties;
  std::optional<nlohmann::json> event_data;
  std::optional<CtrData> ctr;
  std::optional<IntelCollateral> intel;
  std::string purl;
  // hash of one algorithm; nullptr if there is none.
  const Bytes* hash(HashAlg alg) const;
  // property by its name; nullptr if there is none.
  const std::string* property(std::string_view name) const;
  bool operator==(const Component&) const = default;
};

// hash_name is the name of an algorithm as CMC writes it: "SHA-256".
std::string hash_name(HashAlg alg);

void read_component(Source& in, Component& out);
void read_components(Source& in, std::vector<Component>& out);
void write_ctr_data(Sink& out, const CtrData& ctr);
void write_component(Sink& out, const Component& component);

}  // namespace attest::cmc
