// log_references.h: reference values for manifests, made from logs, and from files as IMA would measure them.
#pragma once
#include "evidence/logs/bank_replay.h"
#include "evidence/logs/ima_list.h"
#include "evidence/metadata/metadata.h"

namespace attest {

// tcg_reference is the reference value of one firmware event, with its digest in every bank we know; nullopt for records that
// extend nothing and for registers above 23.
std::optional<ReferenceValue> tcg_reference(const TcgEvent& event);
// tcg_references are those of a whole log, in its order.
std::vector<ReferenceValue> tcg_references(const TcgEventLog& log);
// cc_references are those of a log of confidential computing: anchor TDX, index 1 to 4 for RTMR 0 to 3.
std::vector<ReferenceValue> cc_references(const TcgEventLog& log);

// ima_references are those of a list, optional (a file that is not run is not measured). Violations have none: their digest
// says nothing about a file. io if hashing fails.
Result<std::vector<ReferenceValue>> ima_references(const ImaList& list);

// ImaFile is a file as an entry of a list would name it.
struct ImaFile {
  std::string name;
  HashAlg alg = HashAlg::sha256;
  Digest digest;
  Bytes signature;  // security.ima, where it holds one; empty otherwise
};
// ima_file_reference computes the entry of templates "ima" (digests of 20 bytes), "ima-ng", "ima-ngv2", "ima-sig" and its
// template hash in sha1, sha256 and sha384; PCR 10, optional. unsupported for other templates.
Result<ReferenceValue> ima_file_reference(std::string_view template_name, const ImaFile& file);

// boot_aggregate is the digest of IMA's first entry: over the first `pcrs` registers of a bank (8, or 10 since Linux 5.8),
// those that were never extended as zeros. Empty if hashing fails or the bank has no values.
Digest boot_aggregate(const BankValues& bank, std::uint32_t pcrs, HashAlg alg);

}  // namespace attest
