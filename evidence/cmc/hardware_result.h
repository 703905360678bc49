// hardware_result.h: the parts of a measurement's result that are of one kind of hardware.
#pragma once
#include <array>

#include "evidence/cmc/component.h"
#include "evidence/cmc/finding.h"

namespace attest::cmc {

// DigestFinding is one measured event or one reference value.
struct DigestFinding {
  bool success = false, launched = false;
  std::string type, name;
  std::int64_t index = 0;
  Bytes digest;
  std::string hash_alg;
  Bytes measured;
  std::string description;
  Box<CtrData> ctr;
  std::string version, purl;
};

// VersionFinding compares version numbers part by part; claimed is what the policy demands.
struct VersionFinding {
  bool success = false;
  std::vector<std::int64_t> claimed, measured;
};
struct BoolFinding {
  bool success = false, claimed = false, measured = false;
};

struct SnpFinding {
  Finding report_version;
  VersionFinding firmware;
  Finding tcb;
  VersionFinding bl, tee, snp, ucode, fmc;
  Finding policy;
  VersionFinding abi;
  BoolFinding smt, migration, debug, single_socket;
  std::vector<Finding> extensions;  // the key's certificate against the report
};

// TcbInfoFinding and QeFinding: what Intel's documents say of platform and quoting enclave.
struct TcbInfoFinding {
  Finding summary, id, version;
  std::string status, date;  // of the level that counts
  Finding pce_svn;           // the platform's numbers against that level's
  std::vector<Finding> sgx_components, tdx_components;
};
struct QeFinding {
  Finding summary, mr_signer, isv_prod_id, cpu_svn, isv_svn, misc_select, attributes;
  std::string status, date;
};

struct TdxFinding {
  Finding quote_version;
  TcbInfoFinding tcb;
  QeFinding qe;
  BoolFinding debug, sept_ve_disable, pks, key_locker;
  Finding seam_attributes, xfam;
  std::vector<DigestFinding> registers;  // MRTD, RTMR0 to RTMR3, MRSEAM
};

struct SgxFinding {
  Finding quote_version;
  TcbInfoFinding tcb;
  QeFinding qe;
  std::array<BoolFinding, 8> attributes;  // initted, debug, mode64Bit, provisionKey, eInitToken, kss, legacy, avx
};

void write_digests(Sink& out, const Field& field, const std::vector<DigestFinding>& findings);

// write_hardware writes the member of a measurement's result, key included.
void write_hardware(Sink& out, const SnpFinding& finding);
void write_hardware(Sink& out, const TdxFinding& finding);
void write_hardware(Sink& out, const SgxFinding& finding);

// findings_in lends every finding inside, so that their codes can be collected.
std::vector<const Finding*> findings_in(const SnpFinding& finding);
std::vector<const Finding*> findings_in(const TdxFinding& finding);
std::vector<const Finding*> findings_in(const SgxFinding& finding);

}  // namespace attest::cmc
