#include "verifier/snp/policy.h"

#include <charconv>

#include "evidence/core/hex.h"

namespace attest {
namespace {

struct BitName {
  const char* name;
  unsigned bit;
};
constexpr BitName kGuestBits[] = {{"smt", SnpPolicyBits::kSmt},
                                  {"single_socket", SnpPolicyBits::kSingleSocket},
                                  {"cxl", SnpPolicyBits::kCxl},
                                  {"mem_aes_256_xts", SnpPolicyBits::kMemAes256Xts},
                                  {"rapl_disabled", SnpPolicyBits::kRaplDisabled},
                                  {"ciphertext_hiding", SnpPolicyBits::kCiphertextHiding},
                                  {"page_swap_disabled", SnpPolicyBits::kPageSwapDisabled}};
constexpr BitName kPlatformBits[] = {{"smt", 0},           {"tsme", 1},
                                     {"ecc", 2},           {"rapl_disabled", 3},
                                     {"ciphertext_hiding", 4}, {"alias_check", 5},
                                     {"tio", 7}};

// demand: true (must be set), false (must be clear) or "any".
SnpDemand demand(const Object& object, std::string_view key, SnpDemand fallback) {
  if (!object.has(key)) return fallback;
  if (object.is_string(key)) {
    object.choice(key, {"any"}, "any");
    return SnpDemand::any;
  }
  return object.boolean(key, false) ? SnpDemand::set : SnpDemand::clear;
}

template <std::size_t N>
std::vector<SnpBit> bits(const Object& object, const BitName (&names)[N]) {
  std::vector<SnpBit> out;
  for (const BitName& row : names)
    if (SnpDemand d = demand(object, row.name, SnpDemand::any); d != SnpDemand::any) out.push_back({row.bit, row.name, d});
  return out;
}

// numbers reads "1.55.29" with exactly n parts below 256.
std::optional<std::vector<unsigned>> numbers(std::string_view text, std::size_t n) {
  std::vector<unsigned> out;
  const char* at = text.data();
  const char* end = at + text.size();
  for (;;) {
    unsigned value = 0;
    auto [next, error] = std::from_chars(at, end, value);
    if (error != std::errc() || value > 255) return std::nullopt;
    out.push_back(value);
    if (next == end) break;
    if (*next != '.' || out.size() == n) return std::nullopt;
    at = next + 1;
  }
  if (out.size() != n) return std::nullopt;
  return out;
}

std::vector<Bytes> hex_list(const Object& object, std::string_view key, std::size_t size) {
  std::vector<Bytes> out;
  for (const std::string& text : object.strings(key)) {
    auto bytes = from_hex(text, size);
    if (!bytes || bytes->size() != size)
      object.fail(key, "must list values of " + std::to_string(size) + " bytes in hex");
    else
      out.push_back(*std::move(bytes));
  }
  if (object.has(key) && out.empty()) object.fail(key, "must list at least one value: none would ever pass");
  return out;
}

std::uint8_t level(const Object& object, std::string_view key) {
  return static_cast<std::uint8_t>(object.integer(key, 0, 255, 0));
}

SnpTcb read_tcb(const Object& object) {
  return {level(object, "fmc"), level(object, "bl"), level(object, "tee"), level(object, "snp"), level(object, "ucode")};
}

std::vector<SnpProductDemand> read_products(const Object& object) {
  std::vector<SnpProductDemand> out;
  auto products = object.object("products");
  if (!products) return out;
  for (const std::string& name : products->keys()) {
    auto row = products->object(name);
    SnpProductDemand wanted;
    wanted.product = snp_product_from_name(name);
    if (wanted.product == SnpProduct::unknown) products->fail(name, "must be milan, genoa or turin");
    if (!row) continue;
    if (row->has("firmware")) {
      auto version = numbers(row->string("firmware"), 3);
      if (!version) row->fail("firmware", "must be major.minor.build");
      if (version)
        wanted.firmware = SnpVersion{static_cast<std::uint8_t>((*version)[0]), static_cast<std::uint8_t>((*version)[1]),
                                     static_cast<std::uint8_t>((*version)[2])};
    }
    if (auto tcb = row->object("tcb")) wanted.tcb = read_tcb(*tcb);
    out.push_back(wanted);
  }
  if (out.empty()) object.fail("products", "must name at least one product: none would ever pass");
  return out;
}

void read_guest(const Object& object, SnpPolicy& policy) {
  auto guest = object.object("guest");
  if (!guest) return;
  policy.debug = demand(*guest, "debug", policy.debug);
  policy.migration = demand(*guest, "migration", policy.migration);
  policy.guest = bits(*guest, kGuestBits);
  if (!guest->has("abi")) return;
  auto abi = numbers(guest->string("abi"), 2);
  if (!abi) return guest->fail("abi", "must be major.minor");
  policy.min_abi = {(*abi)[0], (*abi)[1]};
}

void read_abi_order(const Object& object, SnpPolicy& policy) {
  if (object.choice("abi_order", {"amd", "cmc"}, "amd") == "cmc") policy.abi_order = AbiOrder::cmc;
}

void read_lists(const Object& object, SnpPolicy& policy) {
  policy.measurements = hex_list(object, "measurements", 48);
  policy.host_data = hex_list(object, "host_data", 32);
  policy.id_keys = hex_list(object, "id_keys", 48);
  policy.author_keys = hex_list(object, "author_keys", 48);
  policy.family_ids = hex_list(object, "family_ids", 16);
  policy.image_ids = hex_list(object, "image_ids", 16);
  policy.chips = hex_list(object, "chips", 64);
  policy.providers = object.strings("providers");
}

void read_keys(const Object& object, SnpPolicy& policy) {
  if (!object.has("keys")) return;
  policy.vcek = policy.vlek = false;
  for (const std::string& name : object.strings("keys")) {
    if (name != "vcek" && name != "vlek") object.fail("keys", "must list \"vcek\" or \"vlek\"");
    (name == "vcek" ? policy.vcek : policy.vlek) = true;
  }
}

void read_versions(const Object& object, SnpPolicy& policy) {
  std::vector<std::int64_t> versions = object.integers("versions", 2, 5, {policy.min_version, policy.max_version});
  if (versions.size() != 2 || versions[0] > versions[1])
    return object.fail("versions", "must be the oldest and the newest version of a report");
  policy.min_version = static_cast<std::uint32_t>(versions[0]);
  policy.max_version = static_cast<std::uint32_t>(versions[1]);
}

SnpPolicy read_ours(const Object& object) {
  SnpPolicy policy;
  read_versions(object, policy);
  read_guest(object, policy);
  read_abi_order(object, policy);
  if (auto platform = object.object("platform")) policy.platform = bits(*platform, kPlatformBits);
  policy.products = read_products(object);
  if (object.has("vmpl")) {
    policy.vmpls.clear();
    for (std::int64_t vmpl : object.integers("vmpl", 0, 3)) policy.vmpls.push_back(static_cast<std::uint32_t>(vmpl));
    if (policy.vmpls.empty()) object.fail("vmpl", "must list at least one privilege level");
  }
  read_keys(object, policy);
  policy.require_crl = object.boolean("crl", false);
  for (std::int64_t bit : object.integers("mitigations", 0, 63)) policy.mitigations |= std::uint64_t{1} << bit;
  if (object.has("guest_svn")) policy.min_guest_svn = static_cast<std::uint32_t>(object.integer("guest_svn", 0, 0xffffffff));
  read_lists(object, policy);
  return policy;
}

SnpDemand exactly(const Object& object, std::string_view key) {
  return object.boolean(key, false) ? SnpDemand::set : SnpDemand::clear;
}

SnpProductDemand read_cmc_version(const Object& row) {
  SnpProductDemand wanted;
  wanted.product = snp_product_from_name(row.string("name"));
  if (wanted.product == SnpProduct::unknown) row.fail("name", "must be Milan, Genoa or Turin");
  if (auto fw = row.object("fw")) wanted.firmware = SnpVersion{level(*fw, "major"), level(*fw, "minor"), level(*fw, "build")};
  if (auto tcb = row.object("tcb")) wanted.tcb = read_tcb(*tcb);
  return wanted;
}

// read_cmc: the form of CMC's manifests. Its bits are exact, and its list of versions is the list of products.
SnpPolicy read_cmc(const Object& object) {
  SnpPolicy policy;
  policy.min_version = static_cast<std::uint32_t>(object.integer("reportMinVersion", 0, 0xffffffff));
  policy.max_version = static_cast<std::uint32_t>(object.integer("reportMaxVersion", 0, 0xffffffff));
  read_abi_order(object, policy);
  if (auto guest = object.object("policy")) {
    guest->string("type", "");
    policy.debug = exactly(*guest, "debug");
    policy.migration = exactly(*guest, "migration");
    policy.guest = {{SnpPolicyBits::kSmt, "smt", exactly(*guest, "smt")},
                    {SnpPolicyBits::kSingleSocket, "single_socket", exactly(*guest, "singleSocket")}};
    policy.min_abi = {level(*guest, "abiMajor"), level(*guest, "abiMinor")};
  } else {
    object.fail("policy", "must say what the guest policy has to be");
  }
  for (const Object& row : object.objects("versions")) policy.products.push_back(read_cmc_version(row));
  if (policy.products.empty()) object.fail("versions", "must list at least one product: none would ever pass");
  policy.vmpls = {0, 1, 2, 3};  // CMC knows no demand on it
  return policy;
}

}  // namespace

SnpPolicy read_snp_policy(const Object& object) {
  return object.has("reportMinVersion") ? read_cmc(object) : read_ours(object);
}

Result<SnpPolicy> parse_snp_policy(std::string_view json, std::string_view name) {
  if (json.empty() || json == "null") return SnpPolicy{};
  TRY(ConfigFile file, parse_config(json, name));
  SnpPolicy policy = read_snp_policy(file.root());
  CHECK_OK(file.finish());
  return policy;
}

}  // namespace attest
