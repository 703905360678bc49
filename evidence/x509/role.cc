#include "evidence/x509/role.h"

#include <openssl/x509v3.h>

namespace attest {
namespace {

using OwnedUsages = Owned<EXTENDED_KEY_USAGE, EXTENDED_KEY_USAGE_free>;
using OwnedNames = Owned<GENERAL_NAMES, GENERAL_NAMES_free>;

constexpr std::string_view kServerAuth = "1.3.6.1.5.5.7.3.1";
constexpr std::string_view kClientAuth = "1.3.6.1.5.5.7.3.2";
constexpr std::string_view kCodeSigning = "1.3.6.1.5.5.7.3.3";
constexpr std::string_view kAnyUsage = "2.5.29.37.0";
constexpr std::string_view kEkCertificate = "2.23.133.8.1";
constexpr std::string_view kAikCertificate = "2.23.133.8.3";

// Role is a row of the table of roles.
struct Role {
  ChainRole role;
  std::string_view usage;   // the extended key usage that names the role; empty: none does
  bool may_lack_usages;     // a certificate without the extension will do
  std::uint32_t key_usage;  // if there is a key usage extension, one of these bits must be set
  std::initializer_list<std::string_view> foreign;  // usages that must not stand beside it
  bool host_names;                                  // DNS names and IP addresses are allowed
};

const Role kRoles[] = {
    {ChainRole::metadata_signer,
     kCodeSigning,
     true,
     KU_DIGITAL_SIGNATURE,
     {kServerAuth, kClientAuth, kAikCertificate, kEkCertificate, kAnyUsage},
     true},
    {ChainRole::attestation_key,
     kAikCertificate,
     false,
     KU_DIGITAL_SIGNATURE,
     {kServerAuth, kClientAuth, kCodeSigning, kEkCertificate, kAnyUsage},
     false},
    {ChainRole::endorsement_key,
     kEkCertificate,
     true,
     KU_KEY_ENCIPHERMENT | KU_KEY_AGREEMENT,
     {kServerAuth, kClientAuth, kCodeSigning, kAikCertificate, kAnyUsage},
     true},
    {ChainRole::fleet_attestation_key, "", true, KU_DIGITAL_SIGNATURE, {kCodeSigning, kEkCertificate, kAnyUsage}, false},
};

const Role* find_role(ChainRole role) {
  for (const Role& row : kRoles)
    if (row.role == role) return &row;
  return nullptr;
}

// Usages is the extended key usage extension as dotted OIDs.
struct Usages {
  bool present = false;
  bool readable = true;
  std::vector<std::string> oids;
  bool has(std::string_view oid) const { return std::ranges::find(oids, oid) != oids.end(); }
};

Usages usages_of(X509* certificate) {
  Usages usages;
  int critical = -1;
  OwnedUsages list(
      static_cast<EXTENDED_KEY_USAGE*>(X509_get_ext_d2i(certificate, NID_ext_key_usage, &critical, nullptr)));
  usages.present = critical != -1;  // -1: no such extension, -2: several
  usages.readable = !usages.present || list;
  if (!list) return usages;
  for (int i = 0; i < sk_ASN1_OBJECT_num(list.get()); i++) {
    char oid[80];
    int size = OBJ_obj2txt(oid, sizeof oid, sk_ASN1_OBJECT_value(list.get(), i), 1);
    if (size <= 0 || size >= static_cast<int>(sizeof oid)) usages.readable = false;
    usages.oids.emplace_back(size > 0 ? oid : "");
  }
  return usages;
}

// names_a_host: a subjectAltName with a DNS name or IP address, or one that cannot be read.
bool names_a_host(X509* certificate) {
  int critical = -1;
  OwnedNames names(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, &critical, nullptr)));
  if (!names) return critical != -1;
  for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); i++) {
    int type = sk_GENERAL_NAME_value(names.get(), i)->type;
    if (type == GEN_DNS || type == GEN_IPADD) return true;
  }
  return false;
}

}  // namespace

std::string leaf_objection(X509* leaf, ChainRole role) {
  const Role* row = find_role(role);
  if (row == nullptr) return "unknown role";
  Usages usages = usages_of(leaf);
  if (!usages.readable) return "unreadable extended key usage";
  if (!usages.present && !row->may_lack_usages)
    return "no extended key usage, " + std::string(row->usage) + " is due";
  if (usages.present && !row->usage.empty() && !usages.has(row->usage)) return "extended key usage lacks " + std::string(row->usage);
  for (std::string_view foreign : row->foreign)
    if (usages.has(foreign)) return "extended key usage " + std::string(foreign) + " belongs to another role";
  std::uint32_t key_usage = X509_get_key_usage(leaf);  // all bits where the extension is absent
  if ((key_usage & row->key_usage) == 0) return "key usage does not fit its role";
  if (!row->host_names && names_a_host(leaf)) return "names a host, as TLS certificates do";
  return {};
}

std::string issuer_objection(X509* issuer, ChainRole role, bool root) {
  const Role* row = find_role(role);
  if (row == nullptr) return "unknown role";
  if (X509_check_ca(issuer) != 1) return "is no CA by its basic constraints";
  Usages usages = usages_of(issuer);
  if (!usages.readable) return "unreadable extended key usage";
  if (!root && usages.present && !row->usage.empty() && !usages.has(row->usage) && !usages.has(kAnyUsage))
    return "may not issue for " + std::string(row->usage);
  return {};
}

}  // namespace attest
