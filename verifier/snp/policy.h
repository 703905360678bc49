// policy.h: what the owner of a verifier demands of an SEV-SNP guest (docs/EVIDENCE.md, "AMD SEV-SNP").
#pragma once
#include "evidence/json/config.h"
#include "evidence/snp/chain.h"

namespace attest {

// SnpDemand is what a bit has to be.
enum class SnpDemand : std::uint8_t { any, set, clear };

// SnpBit demands something of one bit of GUEST_POLICY or PLATFORM_INFO.
struct SnpBit {
  unsigned bit = 0;
  std::string name;  // "smt"
  SnpDemand demand = SnpDemand::any;
};

// SnpProductDemand is the oldest firmware that passes on a line of processors.
struct SnpProductDemand {
  SnpProduct product = SnpProduct::unknown;
  std::optional<SnpVersion> firmware;  // of the running and of the committed firmware
  std::optional<SnpTcb> tcb;           // of the running, committed, reported and launch TCB
};

// AbiOrder says how a policy reads the two bytes of the least ABI version in GUEST_POLICY. AMD defines minor in bits 0-7 and
// major in bits 8-15; CMC reads them the other way round, and so do the policies its tools write.
enum class AbiOrder : std::uint8_t { amd, cmc };

struct SnpPolicy {
  std::uint32_t min_version = 2, max_version = 5;  // of the report
  SnpDemand debug = SnpDemand::clear;
  SnpDemand migration = SnpDemand::clear;
  std::vector<SnpBit> guest;     // further bits of GUEST_POLICY
  std::vector<SnpBit> platform;  // bits of PLATFORM_INFO
  std::optional<std::pair<unsigned, unsigned>> min_abi;  // major, minor the guest's owner demands at least
  AbiOrder abi_order = AbiOrder::amd;
  std::vector<SnpProductDemand> products;  // empty: any; else one of these
  std::vector<std::uint32_t> vmpls = {0};
  bool vcek = true, vlek = true;           // which kinds of key may sign
  bool require_crl = false;
  std::uint64_t mitigations = 0;           // bits that must be set since launch; reports before version 5 have none
  std::optional<std::uint32_t> min_guest_svn;
  // Lists: empty is no demand, else the value must be one of them.
  std::vector<Bytes> measurements, host_data, id_keys, author_keys, family_ids, image_ids, chips;
  std::vector<std::string> providers;      // CSP ids of a VLEK
};

// read_snp_policy reads our form, or CMC's (a member "reportMinVersion"), which demands every bit it names exactly.
// Errors are recorded in the file the object belongs to.
SnpPolicy read_snp_policy(const Object& object);
// parse_snp_policy is the same for a text; malformed with file and line. An empty text or "null" is the default policy.
Result<SnpPolicy> parse_snp_policy(std::string_view json, std::string_view name);

}  // namespace attest
