// attestctl reference snp: the launch measurement of a guest, as a reference value for a manifest.
#include "apps/attestctl/files.h"
#include "apps/attestctl/reference.h"
#include "evidence/snp/launch.h"

namespace attest::ctl {
namespace {

struct Options {
  std::string firmware, cpu = "EPYC-v4", vmm = "qemu", kernel, initrd, append, name, out;
  unsigned vcpus = 1;
  std::uint64_t features = 1;
};

Result<Digest> measure(const Options& options, std::uint32_t signature) {
  TRY(Bytes firmware, read_input(options.firmware, kMaxSnpFirmware));
  SnpLaunch launch;
  launch.firmware = firmware;
  launch.vcpus = options.vcpus;
  launch.vcpu_signature = signature;
  launch.guest_features = options.features;
  launch.vmm = options.vmm == "ec2" ? SnpVmm::ec2 : SnpVmm::qemu;
  if (options.kernel.empty()) return snp_launch_measurement(launch);
  TRY(Bytes kernel, read_input(options.kernel, kMaxBootFile));
  Bytes initrd;
  if (!options.initrd.empty()) {
    TRY(initrd, read_input(options.initrd, kMaxBootFile));
  }
  launch.kernel = SnpDirectKernel{kernel, initrd, options.append};
  return snp_launch_measurement(launch);
}

Result<Exit> run(const Session& session, const Options& options) {
  auto signature = vcpu_signature(options.cpu);
  if (!signature)
    return usage(session, "reference snp: unknown vCPU model \"" + options.cpu + "\"; QEMU's EPYC models are known");
  if (options.kernel.empty() && !(options.initrd.empty() && options.append.empty()))
    return usage(session, "reference snp: --initrd and --append belong to --kernel");
  TRY(Digest digest, measure(options, *signature));
  ReferenceValue value;
  value.anchor = AnchorKind::snp;
  value.name = options.name;
  if (value.name.empty()) value.name = "SEV-SNP launch, " + std::to_string(options.vcpus) + " " + options.cpu;
  value.hashes = {{HashAlg::sha384, digest}};
  return write_references({value}, options.out);
}

}  // namespace

void add_reference_snp(CLI::App& reference, Session& session) {
  auto options = std::make_shared<Options>();
  CLI::App* app = command(reference, session, "snp", "launch measurement of an SEV-SNP guest",
                          [options](Session& s) { return run(s, *options); });
  app->add_option("--firmware", options->firmware, "OVMF image with SEV metadata")->required();
  app->add_option("--vcpus", options->vcpus, "number of vCPUs")->capture_default_str()->check(CLI::Range(1, 4096));
  app->add_option("--cpu", options->cpu, "vCPU model, as QEMU's -cpu")->capture_default_str();
  app->add_option("--vmm", options->vmm, "who launches: qemu or ec2")
      ->capture_default_str()
      ->check(CLI::IsMember({"qemu", "ec2"}));
  app->add_option("--kernel", options->kernel, "kernel given to QEMU directly (kernel-hashes=on)");
  app->add_option("--initrd", options->initrd, "its initrd");
  app->add_option("--append", options->append, "its command line");
  app->add_option("--features", options->features, "SEV_FEATURES of the guest")->capture_default_str();
  app->add_option("--name", options->name, "name of the reference value");
  app->add_option("-o,--out", options->out, "file to write (default: stdout)");
}

}  // namespace attest::ctl
