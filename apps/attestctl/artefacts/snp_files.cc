#include "apps/attestctl/artefacts/snp_files.h"

#include "evidence/core/file.h"

namespace attest::ctl {
namespace {

namespace fs = std::filesystem;
constexpr std::size_t kMaxFile = 4 << 20;
constexpr std::size_t kMaxFiles = 256;

void add_certificate(Bytes der, SnpFiles& out) {
  auto certificate = parse_certificate(der);
  if (!certificate) return;
  auto name = snp_certificate_name(common_name(certificate->get()));
  bool key = name && (name->role == SnpCertificateRole::vcek || name->role == SnpCertificateRole::vlek);
  if (key || name) (key ? out.keys : out.others).push_back(std::move(der));
}

void add_certificates(std::vector<Bytes> ders, SnpFiles& out) {
  for (Bytes& der : ders) add_certificate(std::move(der), out);
}

Status add_table(View bytes, SnpFiles& out) {
  TRY(SnpCertificateTable table, parse_certificate_table(bytes));
  for (const Bytes* key : {&table.vlek, &table.vcek})
    if (!key->empty()) out.keys.push_back(*key);
  for (Bytes& der : table.above()) out.others.push_back(std::move(der));
  if (!table.crl.empty()) out.crls.push_back(table.crl);
  return ok();
}

// Slot is a companion and how it is read.
Status add_companion(const std::string& role, const ArtefactFile& file, SnpFiles& out) {
  if (role == "auxblob") return add_table(file.bytes, out);
  if (role == "crl") {
    TRY(std::vector<Bytes> crls, split_crls(file.bytes, file.path));
    out.crls.insert(out.crls.end(), crls.begin(), crls.end());
    return ok();
  }
  if (role != "key" && role != "ask") return ok();
  TRY(std::vector<Bytes> ders, split_certificates(file.bytes, file.path));
  // A key named explicitly is judged whatever it is; "not an AMD VCEK" is then the verdict.
  if (role == "key" && ders.size() == 1) {
    out.keys.insert(out.keys.begin(), std::move(ders.front()));
    return ok();
  }
  add_certificates(std::move(ders), out);
  return ok();
}

void add_folder(const fs::path& folder, SnpFiles& out) {
  std::error_code failed;
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder, failed))
    if (entry.is_regular_file(failed) && names.size() < kMaxFiles) names.push_back(entry.path().string());
  std::ranges::sort(names);
  for (const std::string& name : names) {
    auto bytes = attest::read_file(name, kMaxFile);
    if (!bytes) continue;
    if (auto ders = split_certificates(*bytes, name))
      add_certificates(*std::move(ders), out);
    else if (auto crls = split_crls(*bytes, name))
      out.crls.insert(out.crls.end(), crls->begin(), crls->end());
  }
}

}  // namespace

View SnpFiles::key_for(const SnpReport* report) const {
  View of_kind;
  for (const Bytes& der : keys) {
    auto key = parse_snp_key_certificate(der);
    if (!key || report == nullptr) continue;
    bool vcek = key->role == SnpCertificateRole::vcek;
    View chip = View(report->chip_id).first(std::min(report->chip_id.size(), key->hwid.size()));
    if (vcek && equal(key->hwid, chip)) return der;
    if (of_kind.empty() && report->signing_key == (vcek ? 0 : 1)) of_kind = der;
  }
  if (!of_kind.empty()) return of_kind;
  return keys.empty() ? View{} : View(keys.front());
}

Result<SnpFiles> read_snp_files(const ArtefactInput& input) {
  SnpFiles out;
  for (const auto& [role, file] : input.with) CHECK_OK(add_companion(role, file, out));
  if (!input.collateral.empty()) add_folder(input.collateral, out);
  if (out.others.size() > 8) out.others.resize(8);  // a folder of all products: ours are built in
  return out;
}

Result<SnpTrust> snp_trust_of(const ArtefactInput& input, const std::vector<Bytes>& crls) {
  if (input.roots_der.empty()) return SnpTrust::built_in(crls);
  return SnpTrust::make(input.roots_der, crls);
}

std::string policy_text(const ArtefactInput& input) { return input.policy.is_null() ? std::string() : input.policy.dump(); }

}  // namespace attest::ctl
