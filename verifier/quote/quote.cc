#include "verifier/quote/quote.h"

#include <openssl/x509v3.h>

#include "evidence/core/hex.h"
#include "evidence/ek/ek_certificate.h"
#include "evidence/tpm/pcr_selection.h"
#include "evidence/tpm/tpm_ids.h"
#include "verifier/quote/checks.h"

namespace attest {
namespace {

namespace check = quote_check;

// digest_hash is the hash that made a digest of this size; for bare signatures nothing else says it.
HashAlg hash_by_size(std::size_t size) {
  for (HashAlg alg : {HashAlg::sha1, HashAlg::sha384, HashAlg::sha512})
    if (digest_size(alg) == size) return alg;
  return HashAlg::sha256;
}

HashAlg bare_hash(const QuoteCase& question, const Attest& statement) {
  if (question.hash) return *question.hash;
  if (const QuoteInfo* quote = statement.quote()) return hash_by_size(quote->pcr_digest.size());
  if (const auto* creation = std::get_if<CreationInfo>(&statement.info))
    return hash_by_size(creation->creation_hash.size());
  return HashAlg::sha256;
}

bool judge_form(const QuoteCase& question, QuoteFindings& out) {
  Reader in(question.attest);
  std::uint32_t magic = in.u32be();
  if (in.good() && magic != tpm::kGenerated) {
    out.fail(check::kMagic, "the statement was not made by a TPM", "ff544347",
             to_hex(question.attest.first(4)));
    return false;
  }
  Result<Attest> statement = parse_attest(question.attest);
  if (!out.settle(check::kForm, statement ? ok() : Status(statement.error()))) return false;
  out.pass(check::kMagic, "ff544347");
  out.statement = *std::move(statement);
  return true;
}

bool judge_key(const QuoteCase& question, QuoteFindings& out) {
  const SigningKey& ak = *question.ak;
  if (!ak.has_area) {
    out.warn(check::kKey,
             "only the bare key was given: whether the TPM restricts it to its own statements is not known");
    if (!question.ak_name.empty()) out.warn(check::kKeyName, "a bare key has no TPM name");
    return true;
  }
  if (!out.settle(check::kKey, check_attestation_key(ak.area, true))) return false;
  return question.ak_name.empty() || out.compare(check::kKeyName, to_hex(question.ak_name),
                                                 to_hex(ak.area.name()), "the key has another name");
}

bool judge_signature(const QuoteCase& question, QuoteFindings& out) {
  const PublicArea& key = question.ak->area;
  Result<TpmSignature> signature =
      read_any_signature(question.signature, key, bare_hash(question, *out.statement));
  if (!signature) return out.settle(check::kSignature, signature.error());
  if (signature->hash == HashAlg::sha1 && !question.allow_sha1) {
    out.fail(check::kSha1, "signed with SHA-1, which the policy does not allow", "sha256 or better", "sha1");
    return false;
  }
  Status status = verify_signature(question.attest, *signature, key, {question.allow_sha1});
  out.signature_valid = static_cast<bool>(status);
  return out.settle(check::kSignature, status);
}

// judge_signer: the qualified name says where in the TPM's hierarchies the key lies, so it can be told for a
// primary key and for a child of a known primary key.
void judge_signer(const QuoteCase& question, QuoteFindings& out) {
  constexpr std::uint8_t kHierarchies[][4] = {
      {0x40, 0, 0, 0x01}, {0x40, 0, 0, 0x0b}, {0x40, 0, 0, 0x0c}, {0x40, 0, 0, 0x07}};
  if (!question.ak->has_area) return;
  Bytes name = question.ak->area.name();
  const Bytes& signer = out.statement->qualified_signer;
  for (const auto& handle : kHierarchies) {
    if (qualified_name(handle, name) == signer) return out.pass(check::kSigner, "a primary key");
    if (question.parent == nullptr) continue;
    if (qualified_name(qualified_name(handle, question.parent->name()), name) == signer)
      return out.pass(check::kSigner, "a child of the parent key given");
  }
  if (const CreationData* made = question.creation; made != nullptr && question.object == &question.ak->area)
    if (qualified_name(made->parent_qualified_name, name) == signer)
      return out.pass(check::kSigner, "the parent that the creation data name");
  if (question.parent != nullptr)
    return out.fail(check::kSigner, "the signing key is no child of the parent key given", {},
                    to_hex(signer));
}

void judge_nonce(const QuoteCase& question, QuoteFindings& out) {
  if (!question.nonce) return out.warn(check::kNonce, "no nonce was given: the statement may be old");
  out.compare(check::kNonce, to_hex(*question.nonce), to_hex(out.statement->extra_data),
              "the statement was made over another nonce");
}

void judge_pcrs(const QuoteCase& question, QuoteFindings& out) {
  const QuoteInfo* quote = out.statement->quote();
  if (quote == nullptr || question.pcrs == nullptr) return;
  std::vector<Digest> values;
  std::string banks;
  for (const PcrSelection& selection : quote->selections) {
    if (selection.pcrs.empty()) continue;
    banks += (banks.empty() ? "" : ",") + std::string(hash_alg_name(selection.bank));
    auto bank = question.pcrs->find(selection.bank);
    for (std::uint8_t pcr : selection.pcrs) {
      auto value = bank == question.pcrs->end() ? std::map<std::uint8_t, Digest>::const_iterator{}
                                                : bank->second.find(pcr);
      if (bank == question.pcrs->end() || value == bank->second.end())
        return out.fail(check::kPcrs, "no value was given for PCR " + std::to_string(pcr) + " of " +
                                          hash_alg_name(selection.bank));
      values.push_back(value->second);
    }
  }
  if (values.empty()) return out.fail(check::kPcrs, "the quote covers no PCR");
  std::size_t given = 0;
  for (const auto& [bank, pcrs] : *question.pcrs) given += pcrs.size();
  if (given > values.size())
    out.warn(check::kPcrs,
             "the quote does not cover " + std::to_string(given - values.size()) + " of the values given");
  Digest computed = pcr_digest(hash_by_size(quote->pcr_digest.size()), values);
  if (out.compare(check::kPcrs, to_hex(computed.view()), to_hex(quote->pcr_digest),
                  "the quote is not over these values"))
    out.pcr_digest_bank = banks;
}

void judge_object(const QuoteCase& question, QuoteFindings& out) {
  if (question.object == nullptr) return;
  const auto* made = std::get_if<CreationInfo>(&out.statement->info);
  const CertifyInfo* certified = out.statement->certify();
  if (made == nullptr && certified == nullptr) return;
  out.compare(check::kObject, to_hex(question.object->name()),
              to_hex(made != nullptr ? made->object_name : certified->name),
              "the statement is about another object");
}

void judge_creation(const QuoteCase& question, QuoteFindings& out) {
  const auto* made = std::get_if<CreationInfo>(&out.statement->info);
  if (made == nullptr || question.creation == nullptr) return;
  Digest computed = hash_of(hash_by_size(made->creation_hash.size()), {question.creation->encoded});
  out.compare(check::kCreation, to_hex(computed.view()), to_hex(made->creation_hash),
              "the creation data are not those that were signed");
}

}  // namespace

View attest_body(View bytes) {
  Reader in(bytes);
  std::size_t size = in.u16be();
  return in.u32be() == tpm::kGenerated && size + 2 == bytes.size() ? bytes.subspan(2) : bytes;
}

void judge_key_chain(const QuoteCase& question, Findings& out) {
  const std::vector<Bytes>& chain = question.ak->chain_der;
  if (chain.empty()) return;
  std::vector<Bytes> others =
      question.intermediates != nullptr ? *question.intermediates : std::vector<Bytes>{};
  others.insert(others.end(), chain.begin() + 1, chain.end());
  std::vector<Bytes> none;
  Result<CertificatePath> path =
      find_path({chain.front(), &others, question.anchors != nullptr ? question.anchors : &none});
  if (!path) return out.fail(check::kKeyChain, path.error().what);
  Result<EkCertificate> leaf = parse_ek_certificate(chain.front());
  if (!leaf) return out.fail(check::kKeyChain, leaf.error().what);
  if (leaf->ca || (leaf->key_usage && (*leaf->key_usage & KU_DIGITAL_SIGNATURE) == 0))
    return out.fail(check::kKeyChain, "the certificate is not for a key that signs statements");
  judge_path(*path, question.at, check::kKeyPath, out);
}

QuoteFindings judge_quote(const QuoteCase& question) {
  QuoteFindings out;
  if (!judge_form(question, out)) return out;
  if (question.ak == nullptr || question.signature.empty()) {
    out.fail(check::kSignature, "no signature and key were given: the statement proves nothing by itself");
    return out;
  }
  if (!judge_key(question, out) || !judge_signature(question, out)) return out;
  judge_key_chain(question, out);
  judge_signer(question, out);
  judge_nonce(question, out);
  judge_pcrs(question, out);
  judge_object(question, out);
  judge_creation(question, out);
  if (question.earlier != nullptr) judge_clock(*question.earlier, *out.statement, out);
  return out;
}

}  // namespace attest
