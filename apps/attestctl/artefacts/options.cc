#include "apps/attestctl/artefacts/options.h"

#include <charconv>

#include "apps/attestctl/files.h"
#include "apps/attestctl/style.h"
#include "evidence/core/hex.h"
#include "evidence/core/printable.h"
#include "evidence/x509/certificate.h"

namespace attest::ctl {
namespace {

namespace fs = std::filesystem;
constexpr std::size_t kMaxRoots = 4096;

Result<UnixTime> moment(const std::string& text) {
  if (text.empty()) return wall_clock_now();
  UnixTime seconds = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error == std::errc() && end == text.data() + text.size()) return seconds;
  return parse_rfc3339(text);
}

Result<ArtefactFile> file_of(const std::string& path) {
  TRY(Bytes bytes, read_input(path));
  return ArtefactFile{path, std::move(bytes)};
}

Status add_companions(const std::vector<std::string>& with, ArtefactInput& input) {
  for (const std::string& text : with) {
    std::size_t at = text.find('=');
    if (at == text.npos || at == 0) return Error{Errc::denied, "--with " + text + ": expected ROLE=FILE"};
    TRY(ArtefactFile file, file_of(text.substr(at + 1)));
    if (!input.with.emplace(text.substr(0, at), std::move(file)).second)
      return Error{Errc::denied, "--with " + text + ": this role has a file already"};
  }
  return ok();
}

// der_certificate is the outermost SEQUENCE at the front of bytes, without what stands behind it.
Result<Bytes> der_certificate(View bytes, const std::string& path) {
  Reader in(bytes);
  if (in.u16be() == 0x3082) {
    std::size_t size = in.u16be();
    in.take(size);
    if (in.good()) return to_bytes(bytes.first(size + 4));
  }
  return Error{Errc::malformed, path + ": neither PEM nor a DER certificate"};
}

bool is_certificate_name(const fs::path& path) {
  std::string extension = path.extension().string();
  return extension == ".pem" || extension == ".crt" || extension == ".cer" || extension == ".der";
}

Result<std::vector<Bytes>> certificates_of_file(const std::string& path) {
  TRY(Bytes bytes, read_input(path));
  if (as_text(bytes).find("-----BEGIN") != std::string_view::npos) return split_certificates(bytes, path);
  TRY(Bytes der, der_certificate(bytes, path));
  return std::vector<Bytes>{std::move(der)};
}

}  // namespace

Result<std::vector<Bytes>> read_root_certificates(const std::string& path) {
  std::error_code failed;
  if (!fs::is_directory(path, failed)) return certificates_of_file(path);
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(path, failed))
    if (is_certificate_name(entry.path())) names.push_back(entry.path().string());
  std::ranges::sort(names);
  std::vector<Bytes> all;
  for (const std::string& name : names) {
    TRY(std::vector<Bytes> some, certificates_of_file(name));
    all.insert(all.end(), some.begin(), some.end());
    if (all.size() > kMaxRoots) return Error{Errc::malformed, path + ": too many certificates"};
  }
  if (all.empty()) return Error{Errc::malformed, path + ": no certificate in it"};
  return all;
}

void add_artefact_options(CLI::App& app, ArtefactOptions& options) {
  app.add_option("FILE", options.file, "the artefact; - for stdin")->required();
  app.add_option("--with", options.with, "ROLE=FILE: a file that belongs to it, e.g. signature=quote.sig")
      ->allow_extra_args(false);
  app.add_option("--at", options.at, "judge as of this time (RFC 3339 or seconds; default: now)");
  app.add_option("--roots", options.roots,
                 "trusted certificates: a file or a folder (default: the built-in ones)")
      ->allow_extra_args(false);
  app.add_option("--nonce", options.nonce, "the nonce that the evidence must carry, in hex");
  app.add_option("--collateral", options.collateral, "folder with TCB info, identities, CRLs, certificates");
  app.add_option("--policy", options.policy, "JSON file with the rules of this kind");
}

Result<ArtefactInput> read_artefact(const ArtefactOptions& options) {
  ArtefactInput input;
  TRY(input.file, file_of(options.file));
  CHECK_OK(add_companions(options.with, input));
  TRY(input.at, moment(options.at));
  for (const std::string& path : options.roots) {
    TRY(std::vector<Bytes> some, read_root_certificates(path));
    input.roots_der.insert(input.roots_der.end(), some.begin(), some.end());
  }
  if (!options.nonce.empty()) {
    TRY(input.nonce, from_hex(options.nonce, 1024));
  }
  input.collateral = options.collateral;
  if (!options.policy.empty()) {
    TRY(input.policy, read_json(options.policy));
  }
  return input;
}

void print_facts(const Facts& facts, int level) {
  std::string indent(static_cast<std::size_t>(level) * 2, ' ');
  for (const auto& [key, value] : facts.items()) {
    std::string label = indent + (facts.is_array() ? "-" : key + ":");
    if (value.is_structured() && !value.empty()) {
      std::printf("%s\n", label.c_str());
      print_facts(value, level + 1);
    } else {
      std::string text = value.is_string() ? value.get<std::string>()
                                           : value.dump(-1, ' ', true, Facts::error_handler_t::replace);
      std::printf("%s %s\n", label.c_str(), printable(text, 4096).c_str());
    }
  }
}

}  // namespace attest::ctl
