#include "evidence/logs/efi/tagged.h"

#include "evidence/core/hex.h"
#include "evidence/logs/efi/text.h"

namespace attest::efi {
namespace {

constexpr std::uint32_t kAggregate = 0x40000000;  // Windows: the data is a sequence of tags
constexpr int kMaxDepth = 6;
constexpr std::size_t kMaxShown = 256;

struct Row {
  std::uint32_t id;
  std::string_view name;
};
constexpr Row kTags[] = {
    {0xf5bc582a, "systemd-boot: loader.conf"},
    {0x13aed6db, "systemd-stub: devicetree addon"},
    {0xdac08e1a, "systemd-stub: initrd addon"},
    {0x8d6e9e08, "systemd-stub: microcode addon"},
    {0x3b58a1fc, "systemd-stub: kernel image profile"},
    {0x8f3b22ec, "Linux: initrd"},
    {0x8f3b22ed, "Linux: load options"},
    {0x00010001, "Windows: BootCounter"},
    {0x00010002, "Windows: TransferControl"},
    {0x00010003, "Windows: ApplicationReturn"},
    {0x00010004, "Windows: BitlockerUnlock"},
    {0x00010005, "Windows: EventCounter"},
    {0x00010006, "Windows: CounterID"},
    {0x00010007, "Windows: MorBitNotCancelable"},
    {0x00010008, "Windows: ApplicationSvn"},
    {0x00010009, "Windows: SvnChainStatus"},
    {0x0001000a, "Windows: MorBitAPIStatus"},
    {0x00020001, "Windows: BootDebugging"},
    {0x00020002, "Windows: BootRevocationList"},
    {0x00050001, "Windows: OSKernelDebug"},
    {0x00050002, "Windows: CodeIntegrity"},
    {0x00050003, "Windows: TestSigning"},
    {0x00050004, "Windows: DataExecutionPrevention"},
    {0x00050005, "Windows: SafeMode"},
    {0x00050006, "Windows: WinPE"},
    {0x00050007, "Windows: PhysicalAddressExtension"},
    {0x00050008, "Windows: OSDevice"},
    {0x00050009, "Windows: SystemRoot"},
    {0x0005000a, "Windows: HypervisorLaunchType"},
    {0x0005000b, "Windows: HypervisorPath"},
    {0x0005000c, "Windows: HypervisorIOMMUPolicy"},
    {0x0005000d, "Windows: HypervisorDebug"},
    {0x0005000e, "Windows: DriverLoadPolicy"},
    {0x0005000f, "Windows: SIPolicy"},
    {0x00050010, "Windows: HypervisorMMIONXPolicy"},
    {0x00050011, "Windows: HypervisorMSRFilterPolicy"},
    {0x00050012, "Windows: VSMLaunchType"},
    {0x00050013, "Windows: OSRevocationList"},
    {0x00050020, "Windows: VSMIDKInfo"},
    {0x00050021, "Windows: FlightSigning"},
    {0x00050022, "Windows: PagefileEncryptionEnabled"},
    {0x00050023, "Windows: VSMIDKSInfo"},
    {0x00050024, "Windows: HibernationDisabled"},
    {0x00050025, "Windows: DumpsDisabled"},
    {0x00050026, "Windows: DumpEncryptionEnabled"},
    {0x00050027, "Windows: DumpEncryptionKeyDigest"},
    {0x00050028, "Windows: LSAISOConfig"},
    {0x00060001, "Windows: NoAuthority"},
    {0x00060002, "Windows: AuthorityPubkey"},
    {0x00070001, "Windows: FilePath"},
    {0x00070002, "Windows: ImageSize"},
    {0x00070003, "Windows: HashAlgorithmID"},
    {0x00070004, "Windows: AuthenticodeHash"},
    {0x00070005, "Windows: AuthorityIssuer"},
    {0x00070006, "Windows: AuthoritySerial"},
    {0x00070007, "Windows: ImageBase"},
    {0x00070008, "Windows: AuthorityPublisher"},
    {0x00070009, "Windows: AuthoritySHA1Thumbprint"},
    {0x0007000a, "Windows: ImageValidated"},
    {0x0007000b, "Windows: ModuleSvn"},
    {0x00080001, "Windows: Quote"},
    {0x000a0001, "Windows: BlackBoxBoot"},
    {0x000b0001, "Windows: DrtmStateAuth"},
    {0x40010001, "Windows: TrustBoundary"},
    {0x40010002, "Windows: ELAMAggregation"},
    {0x40010003, "Windows: LoadedModuleAggregation"},
    {0xc0010004, "Windows: TrustpointAggregation"},
    {0x40010005, "Windows: KSRAggregation"},
    {0x40010006, "Windows: KSRSignedMeasurementAggregation"},
};

void write_value(View data, JsonWriter& out) {
  Reader in(data);
  if (data.size() == 1) {
    out.field("value", in.u8());
  } else if (data.size() == 4) {
    out.field("value", in.u32le());
  } else if (data.size() == 8) {
    out.field("value", in.u64le());
  } else if (looks_like_utf16(data)) {
    out.field("text", from_utf16(data));
  } else if (is_text(data)) {
    out.field("text", from_bytes(data));
  } else {
    out.field("hex", to_hex(data.first(std::min(data.size(), kMaxShown))));
  }
}

// Each tag of an aggregate: a number, a length, the data.
bool well_formed(View data) {
  Reader in(data);
  while (in.more()) {
    in.u32le();
    in.take32le(data.size());
  }
  return in.good() && !data.empty();
}

void write_tags(View data, JsonWriter& out, int depth) {
  Reader in(data);
  out.key("events").array();
  while (in.more()) {
    std::uint32_t id = in.u32le();
    View inner = in.take32le(data.size());
    out.object().field("tag", id);
    if (auto name = tag_name(id); !name.empty()) out.field("name", name);
    if ((id & kAggregate) != 0 && depth < kMaxDepth && well_formed(inner)) {
      write_tags(inner, out, depth + 1);
    } else {
      write_value(inner, out);
    }
    out.end_object();
  }
  out.end_array();
}

}  // namespace

std::string_view tag_name(std::uint32_t id) {
  for (const Row& row : kTags)
    if (row.id == id) return row.name;
  return {};
}

Result<TaggedEvent> parse_tagged(View event) {
  Reader in(event);
  TaggedEvent tagged;
  tagged.id = in.u32le();
  tagged.data = in.take32le(event.size());
  CHECK_OK(in.done("tagged event"));
  return tagged;
}

bool describe_tagged(View event, JsonWriter& out) {
  if (!well_formed(event)) return false;
  write_tags(event, out, 0);
  return true;
}

}  // namespace attest::efi
