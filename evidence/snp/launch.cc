#include "evidence/snp/launch.h"

#include "evidence/snp/firmware_image.h"

namespace attest {
namespace {

constexpr std::size_t kPage = 4096;
constexpr std::uint64_t kFourGib = std::uint64_t{1} << 32;
constexpr std::uint64_t kVmsaGpa = 0xfffffffff000;
constexpr std::uint32_t kFirstEip = 0xfffffff0;
constexpr std::uint64_t kMaxSection = 1 << 30;
constexpr unsigned kMaxVcpus = 4096;

enum class PageType : std::uint8_t { normal = 1, vmsa = 2, zero = 3, secrets = 5, cpuid = 6 };

// Chain is the launch digest as firmware extends it, page by page (PAGE_INFO).
class Chain {
 public:
  explicit Chain(Hasher hasher) : hasher_(std::move(hasher)) {}
  void page(PageType type, std::uint64_t gpa, View contents) {
    Digest hash = contents.empty() ? Digest::filled(HashAlg::sha384, 0) : hasher_.of({contents});
    Writer info;
    info.put(digest_.view());
    info.put(hash.view());
    info.u16le(0x70);
    info.u8(static_cast<std::uint8_t>(type));
    for (int i = 0; i < 5; i++) info.u8(0);  // no IMI page, no permissions for lower levels
    info.u64le(gpa);
    auto bytes = std::move(info).finish("page info");
    if (bytes) digest_ = hasher_.of({View(*bytes)});
  }
  void pages(PageType type, std::uint64_t gpa, std::uint64_t size) {
    for (std::uint64_t at = 0; at < size; at += kPage) page(type, gpa + at, {});
  }
  void contents(std::uint64_t gpa, View bytes) {
    for (std::size_t at = 0; at < bytes.size(); at += kPage) page(PageType::normal, gpa + at, bytes.subspan(at, kPage));
  }
  const Digest& digest() const { return digest_; }

 private:
  Hasher hasher_;
  Digest digest_ = Digest::filled(HashAlg::sha384, 0);
};

// Vmsa writes the save area of a vCPU (AMD 24593, table B-4).
class Vmsa {
 public:
  Vmsa() : page_(kPage) {}
  void put(std::size_t at, std::uint64_t value, unsigned bytes) {
    for (unsigned i = 0; i < bytes; i++) page_[at + i] = static_cast<std::uint8_t>(value >> (8 * i));
  }
  void segment(std::size_t at, std::uint16_t selector, std::uint16_t attributes, std::uint32_t limit, std::uint64_t base = 0) {
    put(at, selector, 2), put(at + 2, attributes, 2), put(at + 4, limit, 4), put(at + 8, base, 8);
  }
  const Bytes& page() const { return page_; }

 private:
  Bytes page_;
};

// Fresh is the state in which a monitor starts a vCPU, where monitors differ.
struct Fresh {
  std::uint16_t cs, ss, tr;
  std::uint64_t rdx;
  std::uint32_t mxcsr;
  std::uint16_t fcw;
};

Fresh fresh_state(const SnpLaunch& launch, bool first) {
  if (launch.vmm == SnpVmm::ec2) return {static_cast<std::uint16_t>(first ? 0x9a : 0x9b), 0x92, 0x83, 0x600, 0, 0};
  return {0x9b, 0x93, 0x8b, launch.vcpu_signature, 0x1f80, 0x37f};
}

Bytes save_area(const SnpLaunch& launch, std::uint32_t eip) {
  Fresh state = fresh_state(launch, eip == kFirstEip);
  Vmsa v;
  v.segment(0x00, 0, 0x93, 0xffff);                            // ES
  v.segment(0x10, 0xf000, state.cs, 0xffff, eip & 0xffff0000);  // CS
  v.segment(0x20, 0, state.ss, 0xffff);                        // SS
  for (std::size_t at : {0x30, 0x40, 0x50}) v.segment(at, 0, 0x93, 0xffff);  // DS, FS, GS
  v.segment(0x60, 0, 0, 0xffff);                               // GDTR
  v.segment(0x70, 0, 0x82, 0xffff);                            // LDTR
  v.segment(0x80, 0, 0, 0xffff);                               // IDTR
  v.segment(0x90, 0, state.tr, 0xffff);                        // TR
  v.put(0xd0, 0x1000, 8);                                      // EFER
  v.put(0x148, 0x40, 8), v.put(0x158, 0x10, 8);                // CR4, CR0
  v.put(0x160, 0x400, 8), v.put(0x168, 0xffff0ff0, 8);         // DR7, DR6
  v.put(0x170, 2, 8), v.put(0x178, eip & 0xffff, 8);           // RFLAGS, RIP
  v.put(0x268, 0x7040600070406, 8);                            // PAT
  v.put(0x310, state.rdx, 8);
  v.put(0x3b0, launch.guest_features, 8);
  v.put(0x3e8, 1, 8);                                          // XCR0
  v.put(0x408, state.mxcsr, 4), v.put(0x410, state.fcw, 2);
  return v.page();
}

// kernel_page is the page with the hashes of command line, initrd and kernel, as QEMU lays them out.
Bytes kernel_page(const SnpDirectKernel& kernel, std::uint32_t offset) {
  using Guid = std::array<std::uint8_t, 16>;
  constexpr Guid kHashes = {0x06, 0xd6, 0x38, 0x94, 0x22, 0x4f, 0xc9, 0x4c, 0xb4, 0x79, 0xa7, 0x93, 0xd4, 0x11, 0xfd, 0x21};
  constexpr Guid kCommandLine = {0xd8, 0x2d, 0xd0, 0x97, 0x20, 0xbd, 0x94, 0x4c, 0xaa, 0x78, 0xe7, 0x71, 0x4d, 0x36, 0xab, 0x2a};
  constexpr Guid kInitrd = {0x31, 0xf7, 0xba, 0x44, 0x2f, 0x3a, 0xd7, 0x4b, 0x9a, 0xf1, 0x41, 0xe2, 0x91, 0x69, 0x78, 0x1d};
  constexpr Guid kKernel = {0x37, 0x94, 0xe7, 0x4d, 0xd2, 0xab, 0x7f, 0x42, 0xb8, 0x35, 0xd5, 0xb1, 0x72, 0xd2, 0x04, 0x5b};
  constexpr std::uint16_t kEntry = 50, kTable = 18 + 3 * kEntry;
  Bytes terminated = to_bytes(as_view(kernel.command_line));
  terminated.push_back(0);
  Writer table;
  table.put(kHashes), table.u16le(kTable);
  for (auto [guid, hash] : {std::pair{kCommandLine, sha256(View(terminated))}, std::pair{kInitrd, sha256(kernel.initrd)},
                            std::pair{kKernel, sha256(kernel.kernel)}})
    table.put(guid), table.u16le(kEntry), table.put(hash.view());
  auto bytes = std::move(table).finish("kernel hashes");
  Bytes page(kPage);
  if (bytes && offset + bytes->size() <= kPage) std::ranges::copy(*bytes, page.begin() + offset);
  return page;
}

Status measure_section(const SnpLaunch& launch, const SnpFirmware& firmware, const SnpFirmware::Section& section, Chain& chain) {
  if (section.size > kMaxSection || section.size % kPage != 0) return Error{Errc::malformed, "firmware image: a section of an impossible size"};
  switch (section.type) {
    case SnpSection::memory:
    case SnpSection::svsm_calling_area: chain.pages(PageType::zero, section.gpa, section.size); return ok();
    case SnpSection::secrets: chain.page(PageType::secrets, section.gpa, {}); return ok();
    case SnpSection::cpuid:
      if (launch.vmm != SnpVmm::ec2) chain.page(PageType::cpuid, section.gpa, {});
      return ok();
    case SnpSection::kernel_hashes:
      if (launch.kernel && section.size == kPage)
        chain.page(PageType::normal, section.gpa, kernel_page(*launch.kernel, firmware.hash_table.value_or(0) % kPage));
      else
        chain.pages(PageType::zero, section.gpa, section.size);
      return ok();
  }
  return Error{Errc::unsupported, "firmware image: a section of an unknown type"};
}

Status measure_sections(const SnpLaunch& launch, const SnpFirmware& firmware, Chain& chain) {
  bool place = false;
  for (const auto& section : firmware.sections) {
    CHECK_OK(measure_section(launch, firmware, section, chain));
    place = place || section.type == SnpSection::kernel_hashes;
  }
  if (launch.kernel && !place)
    return Error{Errc::unsupported, "firmware image: it has no place for the hashes of a kernel, so the kernel would not be measured"};
  if (launch.vmm != SnpVmm::ec2) return ok();
  for (const auto& section : firmware.sections)  // EC2 measures the CPUID page last
    if (section.type == SnpSection::cpuid) chain.page(PageType::cpuid, section.gpa, {});
  return ok();
}

}  // namespace

std::optional<std::uint32_t> vcpu_signature(std::string_view model) {
  struct Row {
    const char* name;
    std::uint32_t signature;
  };
  constexpr Row kModels[] = {{"EPYC", 0x800f12},       {"EPYC-v1", 0x800f12},    {"EPYC-v2", 0x800f12},
                             {"EPYC-v3", 0x800f12},    {"EPYC-v4", 0x800f12},    {"EPYC-Rome", 0x830f10},
                             {"EPYC-Milan", 0xa00f11}, {"EPYC-Genoa", 0xa10f10}, {"EPYC-Turin", 0xb00f00}};
  for (const Row& row : kModels)
    if (model == row.name) return row.signature;
  return std::nullopt;
}

Result<Digest> snp_launch_measurement(const SnpLaunch& launch) {
  if (launch.firmware.empty() || launch.firmware.size() % kPage != 0 || launch.firmware.size() > kMaxSnpFirmware)
    return Error{Errc::malformed, "firmware image: its size is no multiple of 4096, or more than 64 MiB"};
  if (launch.vcpus == 0 || launch.vcpus > kMaxVcpus) return Error{Errc::denied, "launch: 1 to 4096 vCPUs"};
  TRY(SnpFirmware firmware, parse_snp_firmware(launch.firmware));
  if (launch.vcpus > 1 && !firmware.reset_eip)
    return Error{Errc::unsupported, "firmware image: it does not say where vCPUs other than the first start"};
  TRY(Hasher hasher, Hasher::make(HashAlg::sha384));
  Chain chain(std::move(hasher));
  chain.contents(kFourGib - launch.firmware.size(), launch.firmware);
  CHECK_OK(measure_sections(launch, firmware, chain));
  for (unsigned i = 0; i < launch.vcpus; i++)
    chain.page(PageType::vmsa, kVmsaGpa, save_area(launch, i == 0 ? kFirstEip : *firmware.reset_eip));
  return chain.digest();
}

}  // namespace attest
