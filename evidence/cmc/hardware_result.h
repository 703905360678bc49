// hardware_result.h: the parts of a measurement's result that are of one kind of hardware.
#pragma once
#include "evidence/cmc/finding.h"

namespace attest::cmc {

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
};
struct QeFinding {
  Finding summary, mr_signer, isv_prod_id, isv_svn, misc_select, attributes;
  std::string status, date;
};

struct TdxFinding {
  Finding quote_version;
  TcbInfoFinding tcb;
  QeFinding qe;
  Finding attributes, seam_attributes, xfam, registers;
};

struct SgxFinding {
  Finding quote_version;
  TcbInfoFinding tcb;
  QeFinding qe;
  Finding attributes;
};

// write_hardware writes the member of a measurement's result, key included.
void write_hardware(Sink& out, const SnpFinding& finding);
void write_hardware(Sink& out, const TdxFinding& finding);
void write_hardware(Sink& out, const SgxFinding& finding);

// findings_in lends every finding inside, so that their codes can be collected.
std::vector<const Finding*> findings_in(const SnpFinding& finding);
std::vector<const Finding*> findings_in(const TdxFinding& finding);
std::vector<const Finding*> findings_in(const SgxFinding& finding);

}  // namespace attest::cmc
