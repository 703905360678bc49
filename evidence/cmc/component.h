// component.h: CMC's components: measured events and reference values alike (CycloneDX 1.7).
#pragma once
#include <nlohmann/json.hpp>
#include <optional>

#include "evidence/cmc/codec.h"
#include "evidence/core/hash.h"

namespace attest::cmc {

// Box is an optional value on the heap, copied with its owner: a pointer's size where there is none, as of most components.
template <class T>
class Box {
 public:
  Box() = default;
  Box(T value) : value_(std::make_unique<T>(std::move(value))) {}
  Box(const Box& other) : value_(other.value_ ? std::make_unique<T>(*other.value_) : nullptr) {}
  Box(Box&&) noexcept = default;
  Box& operator=(Box other) noexcept {
    value_ = std::move(other.value_);
    return *this;
  }
  ~Box() = default;
  explicit operator bool() const { return value_ != nullptr; }
  T& operator*() { return *value_; }
  const T& operator*() const { return *value_; }
  T* operator->() { return value_.get(); }
  const T* operator->() const { return value_.get(); }
  T& emplace() { return *(value_ = std::make_unique<T>()); }
  void reset() { value_.reset(); }
  bool operator==(const Box& other) const { return value_ && other.value_ ? *value_ == *other.value_ : !value_ && !other.value_; }

 private:
  std::unique_ptr<T> value_;
};

struct ComponentHash {
  std::string alg;  // "SHA-256"
  Bytes content;
  bool operator==(const ComponentHash&) const = default;
};

struct Property {
  std::string name, value;
  bool operator==(const Property&) const = default;
};

// SharedList is a list whose copies share it until one of them is changed: a manifest's reference values are many, stand in
// the manifest, in what is remembered of it and in each result, and most of them have the same properties.
template <class T>
class SharedList {
 public:
  using List = std::vector<T>;
  SharedList() = default;
  SharedList(List list) : list_(std::make_shared<List>(std::move(list))) {}
  SharedList(std::initializer_list<T> list) : SharedList(List(list)) {}
  const List& list() const {
    static const List kNone;
    return list_ ? *list_ : kNone;
  }
  // edit lends the list to be changed, a copy of its own if others share it.
  List& edit() {
    if (!list_ || list_.use_count() > 1) list_ = std::make_shared<List>(list());
    return *list_;
  }
  bool empty() const { return list().empty(); }
  std::size_t size() const { return list().size(); }
  auto begin() const { return list().begin(); }
  auto end() const { return list().end(); }
  void push_back(T element) { edit().push_back(std::move(element)); }
  void clear() { list_.reset(); }
  bool operator==(const SharedList& other) const { return list_ == other.list_ || list() == other.list(); }

 private:
  std::shared_ptr<List> list_;
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
  SharedList<Property> properties;
  Box<nlohmann::json> event_data;
  Box<CtrData> ctr;
  Box<IntelCollateral> intel;
  std::string purl;
  // hash of one algorithm; nullptr if there is none.
  const Bytes* hash(HashAlg alg) const;
  Bytes* hash(HashAlg alg) { return const_cast<Bytes*>(std::as_const(*this).hash(alg)); }
  // property by its name; nullptr if there is none.
  const std::string* property(std::string_view name) const;
  bool operator==(const Component&) const = default;
};

using Components = SharedList<Component>;

// LentComponent is a component lent by the bytes it stands in: logs are long, and most of their events are plain.
struct LentComponent {
  std::string_view name, description;
  std::string_view alg;  // of its only hash; empty: none
  View content;
  Box<Component> whole;  // where there is more than can be said here; the rest is empty then
};

// hash_name is the name of an algorithm as CMC writes it: "SHA-256".
std::string hash_name(HashAlg alg);

void read_component(Source& in, Component& out);
void read_components(Source& in, std::vector<Component>& out);
// read_lent_components reads what read_components reads, and lends it.
void read_lent_components(CborSource& in, std::vector<LentComponent>& out);
void write_ctr_data(Sink& out, const CtrData& ctr);
void write_component(Sink& out, const Component& component);

}  // namespace attest::cmc
