#include "evidence/logs/efi/image.h"

#include "evidence/logs/efi/guid.h"
#include "evidence/logs/efi/text.h"

namespace attest::efi {
namespace {

constexpr std::size_t kMaxTables = 1024;

Status read_tables(Reader& in, std::vector<HandoffTable>& tables) {
  std::uint64_t count = in.u64le();
  if (count > kMaxTables) in.fail();
  for (std::uint64_t i = 0; i < count && in.good(); i++) {
    std::string guid = guid_text(in.take(kGuidSize));
    tables.push_back({std::move(guid), in.u64le()});
  }
  return in.done("hand-off tables");
}

GptPartition read_partition(Reader in) {
  GptPartition p;
  p.type = guid_text(in.take(kGuidSize));
  p.guid = guid_text(in.take(kGuidSize));
  p.first = in.u64le();
  p.last = in.u64le();
  p.attributes = in.u64le();
  p.name = from_utf16(in.rest());
  return p;
}

}  // namespace

Result<ImageLoad> parse_image_load(View event) {
  ImageLoad image;
  Reader in(event);
  image.address = in.u64le();
  image.size = in.u64le();
  image.link_address = in.u64le();
  std::uint64_t length = in.u64le();  // LengthOfDevicePath
  if (length > in.left()) in.fail();
  View path = in.take(in.good() ? static_cast<std::size_t>(length) : 0);
  if (!in.good()) return Error{Errc::malformed, "image load event: truncated or out of bounds"};
  TRY(image.path, parse_device_path(path));
  return image;
}

Result<FirmwareBlob> parse_blob(View event) {
  Reader in(event);
  FirmwareBlob blob;
  blob.address = in.u64le();
  blob.size = in.u64le();
  CHECK_OK(in.done("firmware blob"));
  return blob;
}

Result<FirmwareBlob> parse_blob2(View event) {
  Reader in(event);
  FirmwareBlob blob;
  blob.description = from_bytes(in.take(in.u8()));
  blob.address = in.u64le();
  blob.size = in.u64le();
  CHECK_OK(in.done("firmware blob"));
  return blob;
}

Result<HandoffTables> parse_handoff_tables(View event) {
  Reader in(event);
  HandoffTables tables;
  CHECK_OK(read_tables(in, tables.tables));
  return tables;
}

Result<HandoffTables> parse_handoff_tables2(View event) {
  Reader in(event);
  HandoffTables tables;
  tables.description = from_bytes(in.take(in.u8()));
  CHECK_OK(read_tables(in, tables.tables));
  return tables;
}

Result<GptTable> parse_gpt(View event) {
  GptTable gpt;
  Reader in(event);
  if (as_text(in.take(8)) != "EFI PART") return Error{Errc::malformed, "partition table: no EFI PART"};
  gpt.revision = in.u32le();
  std::uint32_t header = in.u32le();  // HeaderSize
  in.take(4 + 4 + 8 + 8);             // HeaderCRC32, Reserved, MyLBA, AlternateLBA
  gpt.first_usable = in.u64le();
  gpt.last_usable = in.u64le();
  gpt.disk = guid_text(in.take(kGuidSize));
  in.take(8 + 4);                  // PartitionEntryLBA, NumberOfPartitionEntries
  std::uint32_t size = in.u32le();  // SizeOfPartitionEntry
  in.take(4);                       // PartitionEntryArrayCRC32
  if (header > 92) in.take(header - 92);
  std::uint64_t count = in.u64le();  // NumberOfPartitions
  if (size < 56 || size > 4096 || count > kMaxPartitions) in.fail();
  for (std::uint64_t i = 0; i < count && in.good(); i++) gpt.partitions.push_back(read_partition(Reader(in.take(size))));
  CHECK_OK(in.done("partition table"));
  return gpt;
}

}  // namespace attest::efi
