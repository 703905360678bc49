// attestctl enroll key: a TLS key made by the agent of this machine and certified by its fleet.
#include "apps/attestctl/commands.h"
#include "apps/attestctl/field.h"
#include "apps/attestctl/files.h"
#include "apps/attestctl/progress.h"
#include "apps/attestctl/style.h"
#include "cmcd-lite/client/cmc_connection.h"

namespace attest::ctl {
namespace {

struct Options {
  cmc::KeyConfig key{"tpm", "EC256", "", {}, {}};
  CmcClientOptions agent;
  std::string out, id_file;
};

Result<std::string> certificate_of(const Options& options, const std::string& id) {
  cmc::ApiRequest request;
  request.call = cmc::Call::tls_cert;
  request.key_id = id;
  TRY(cmc::ApiResponse answer, cmc_call(options.agent, request));
  std::string chain;
  for (const Bytes& pem : answer.certificate) chain += as_text(pem);
  if (chain.empty()) return Error{Errc::malformed, "the agent gave no certificate for key " + id};
  return chain;
}

Result<Exit> run(const Session& session, const Options& options) {
  cmc::ApiRequest request;
  request.call = cmc::Call::tls_create;
  request.key_config = options.key;
  std::string id, chain;
  {
    Progress progress("waiting for the TPM and the fleet's server");
    TRY(cmc::ApiResponse answer, cmc_call(options.agent, request));
    id = std::move(answer.key_id);
    if (!options.id_file.empty()) CHECK_OK(write_output(options.id_file, as_view(id)));  // first: the key is there from now on
    auto certificate = certificate_of(options, id);
    if (!certificate) return Error{certificate.error().code, "key " + id + " was made, but: " + certificate.error().what};
    chain = *std::move(certificate);
  }
  if (!options.out.empty()) CHECK_OK(write_output(options.out, as_view(chain)));
  if (session.json) return print_json({{"key", id}, {"certificate", chain}});
  row("key", id + "   " + options.key.type + ", " + options.key.alg);
  row("certified", options.key.cn + (options.out.empty() ? "" : "   " + options.out));
  row("next", "the agent signs with it for whoever names its id (TLSSign), and renews its certificate; attestctl status");
  return Exit::accepted;
}

}  // namespace

void add_enroll_key(CLI::App& enroll, Session& session) {
  auto options = std::make_shared<Options>();
  options->agent.timeout = std::chrono::seconds(120);
  CLI::App* app = command(enroll, session, "key", "have the agent make a TLS key that the fleet's server certifies (TLSCreate)",
                          [options](Session& s) { return run(s, *options); });
  app->add_option("NAME", options->key.cn, "common name of its certificate")->required();
  app->add_option("--dns", options->key.dns_names, "host name it is for (again for more)");
  app->add_option("--ip", options->key.ip_addresses, "address it is for (again for more)");
  app->add_option("--type", options->key.type, "tpm or sw")->check(CLI::IsMember({"tpm", "sw"}))->capture_default_str();
  app->add_option("--algorithm", options->key.alg, "EC256, EC384, EC521, RSA2048 or RSA4096")
      ->check(CLI::IsMember({"EC256", "EC384", "EC521", "RSA2048", "RSA4096"}))
      ->capture_default_str();
  app->add_option("--agent", options->agent.address, "the agent: unix://PATH, tcp://HOST:PORT")->capture_default_str();
  app->add_option("--key-id", options->id_file, "file for the key's id, as CMC's cmcctl writes it");
  app->add_option("-o,--out", options->out, "file for the certificates, PEM");
  app->footer("The server is \"enroll\" of \"cmc\" in cmcd.json; the agent may be CMC's own. See docs/CMC.md.");
}

}  // namespace attest::ctl
