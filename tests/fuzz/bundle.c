// SPDX-License-Identifier: Apache-2.0
// Bundles and their entries: what parses is written again as the same bytes, and the sizes that
// senders count with are the sizes that are written.
#include "src/wire/bundle.h"
#include "tests/fuzz/fuzz.h"

static void write_entry(col_writer *writer, const col_bundle *bundle, const col_entry *entry) {
    const col_header *header = &entry->message.header;
    COL_ASSERT(header->role == bundle->role && header->sender == bundle->signer);
    COL_ASSERT(header->role == col_type_role(header->type));
    COL_ASSERT(header->fragment < header->fragments && entry->index < bundle->leaves);
    COL_ASSERT(header->pillar < COL_PILLARS_MAX && header->run <= COL_RUN_MAX);
    const size_t before = col_writer_used(writer);
    col_entry_write(writer, entry);
    COL_ASSERT(col_writer_used(writer) - before ==
               col_entry_size(header, entry->whole, entry->message.bytes.length));
}

/// @return all entries, and nothing else, were there
static bool write_entries(col_writer *writer, const col_bundle *bundle) {
    col_entries entries = col_entries_of(bundle);
    col_entry entry;
    int32_t last = -1;
    uint16_t count = 0;
    while (col_entries_next(&entries, &entry)) {
        // A larger one than any message is refused where messages are put together.
        if (entry.message.bytes.length > COL_MESSAGE_BYTES_MAX) return false;
        COL_ASSERT(entry.index > last);
        last = entry.index;
        count++;
        write_entry(writer, bundle, &entry);
    }
    COL_ASSERT(entries.drop < COL_DROP_COUNT);
    COL_ASSERT(entries.drop != COL_DROP_NONE || count == bundle->entries);
    return entries.drop == COL_DROP_NONE;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const col_bytes bytes = {data, size};
    col_bundle bundle;
    if (col_bundle_parse(bytes, &bundle) != COL_DROP_NONE) return 0;
    COL_ASSERT(bundle.pillar < COL_PILLARS_MAX && bundle.leaves <= COL_TREE_LEAVES_MAX);

    uint8_t *written = malloc(size);
    col_writer writer = col_writer_of(written, size);
    col_bundle_write(&writer, &bundle);
    COL_ASSERT(col_writer_used(&writer) ==
               col_bundle_overhead(bundle.signature.length, bundle.siblings));
    if (write_entries(&writer, &bundle)) {
        COL_ASSERT(!writer.failed);
        COL_ASSERT(fuzz_equal(bytes, (col_bytes){written, col_writer_used(&writer)}));
    }
    free(written);
    return 0;
}
