// SPDX-License-Identifier: Apache-2.0
#include "crypto/sealer.h"

#include "crypto/merkle.h"
#include "crypto/root_text.h"
#include "src/base/assert.h"
#include "src/base/cursor.h"
#include "src/wire/join.h"

/// Bodies of one tree: some of the largest messages, or a full tree of ordinary ones. Only what is
/// used is ever touched.
#define BODIES_BYTES (1024 * 1024)
static_assert(BODIES_BYTES >= COL_MESSAGE_BYTES_MAX, "an empty tree takes any message");
static_assert(COL_FRAGMENTS_MAX <= COL_TREE_LEAVES_MAX, "an empty tree takes any message");
static_assert(COL_TREE_LEAVES_MAX <= 256, "`order` numbers messages in 8 bits");

typedef struct {
    col_header header;
    col_destination to;
    col_link_seal link;  ///< where the message is sealed with MACs
    uint64_t group;
    col_bytes body;
} waiting_message;

/// A leaf: one message, or one fragment of it.
typedef struct {
    uint16_t message;
    uint16_t fragment;
} leaf_of;

/// Datagrams whose MACs are computed together.
#define LINK_BURST 16

/// A datagram of a session, with a tree of its own.
typedef struct {
    uint16_t first;  ///< leaf
    uint16_t leaves;
    uint8_t root_text[COL_ROOT_TEXT_BYTES];
    uint8_t macs[COL_REPLICAS_MAX * COL_MAC_BYTES];
} link_datagram;
static_assert(COL_REPLICAS_MAX * COL_MAC_BYTES <= COL_SIGNATURE_BYTES_MAX, "they are a signature");

/// A tree that takes messages, and is signed by the next flush; or what waits for MACs.
typedef struct {
    uint16_t messages;
    uint16_t leaves;
    uint32_t bodies_used;
    waiting_message message[COL_TREE_LEAVES_MAX];
    uint64_t order[COL_TREE_LEAVES_MAX];  ///< ascending: group, then number of the message
    leaf_of leaf[COL_TREE_LEAVES_MAX];
    col_digest fragment_digest[COL_TREE_LEAVES_MAX];
    col_tree nodes;
    uint8_t root_text[COL_ROOT_TEXT_BYTES];
    uint8_t signature[COL_SIGNATURE_BYTES_MAX];
    uint8_t bodies[BODIES_BYTES];
} open_tree;

struct col_sealer {
    col_sealer_options options;
    void *backend_context;
    uint64_t cluster_tag;
    uint8_t scheme;  ///< of the key
    uint32_t signature_bytes;
    uint32_t message_bytes;   ///< largest body that is not cut
    uint32_t fragment_bytes;  ///< of each fragment but the last
    bool flushing;

    col_digest digest[COL_TREE_LEAVES_MAX];
    uint8_t leaf_input[COL_TREE_LEAVES_MAX][COL_LEAF_BYTES_FRAGMENT];
    uint8_t datagram[COL_DATAGRAM_BYTES_MAX];
    link_datagram link[LINK_BURST];
    col_mac_job mac_job[LINK_BURST * COL_REPLICAS_MAX];
    uint32_t trees;    ///< as many as the back end signs together
    open_tree *links;  ///< messages that wait for MACs
    open_tree *open;   ///< the one that takes messages, or that a flush works on
    open_tree tree[];
};

static void measure_datagram(col_sealer *sealer) {
    const uint32_t room = sealer->options.egress->datagram_bytes;
    COL_ASSERT(room >= COL_DATAGRAM_BYTES_MIN && room <= COL_DATAGRAM_BYTES_MAX);
    // The longest path is reserved although few leaves need it: so the cut of a message does not
    // depend on the tree that it meets, and a repeated send has the same fragments, signed or not.
    const bool has_links = sealer->options.macs != NULL && sealer->options.role == COL_ROLE_CLIENT;
    const uint32_t macs = has_links ? sealer->options.replicas * COL_MAC_BYTES : 0;
    const uint32_t seal_bytes = macs > sealer->signature_bytes ? macs : sealer->signature_bytes;
    const size_t overhead = col_bundle_overhead(seal_bytes, COL_TREE_DEPTH_MAX);
    const col_header whole = {.type = COL_BATCH, .fragments = 1};
    const col_header fragment = {.type = COL_BATCH, .fragments = 2};
    sealer->message_bytes = room - (uint32_t)(overhead + col_entry_size(&whole, false, 0));
    sealer->fragment_bytes = room - (uint32_t)(overhead + col_entry_size(&fragment, false, 0));
}

static size_t footprint(const col_backend *backend) {
    return sizeof(col_sealer) + (backend->lanes + 1) * sizeof(open_tree);
}

col_sealer *col_sealer_create(col_arena *arena, const col_sealer_options *options) {
    COL_ASSERT(options->replicas <= COL_REPLICAS_MAX);

    col_sealer *sealer = col_arena_take(arena, 1, footprint(options->backend));
    sealer->trees = options->backend->lanes;
    sealer->open = sealer->tree;
    sealer->links = sealer->tree + sealer->trees;
    sealer->options = *options;
    if (options->tree_leaves == 0) sealer->options.tree_leaves = COL_TREE_LEAVES_MAX;
    COL_ASSERT(sealer->options.tree_leaves <= COL_TREE_LEAVES_MAX);
    sealer->backend_context = options->backend->context_create();
    sealer->scheme = (uint8_t)col_key_scheme(options->key);
    sealer->signature_bytes = col_key_signature_bytes(options->key);
    col_reader tag = col_reader_of((col_bytes){options->cluster.byte, 8});
    sealer->cluster_tag = col_read_u64(&tag);
    measure_datagram(sealer);
    return sealer;
}

void col_sealer_destroy(col_sealer *sealer) {
    if (!sealer) return;
    sealer->options.backend->context_destroy(sealer->backend_context);
    sealer->backend_context = NULL;
}

size_t col_sealer_footprint(const col_backend *backend) {
    return footprint(backend) + 64;
}

/// Messages of one group may share datagrams: replicas by pillar, a client by its endpoint. Groups
/// are neighbours in the tree, so that their datagrams need few siblings; within a pillar, so are
/// messages to the same replicas.
#define GROUP_CLIENT (UINT64_C(1) << 54)
#define GROUP_NOBODY (UINT64_C(1) << 55)

static uint64_t group_of(const col_destination *to, uint8_t pillar) {
    if (to->link != NULL) return to->link->key_version;
    if (to->replicas != 0) return (uint64_t)pillar << 32 | to->replicas;
    if (to->client.port == 0) return GROUP_NOBODY;
    return GROUP_CLIENT | (uint64_t)to->client.address << 16 | to->client.port;
}

static bool shares_datagrams(uint64_t a, uint64_t b) {
    const bool to_replicas = a < GROUP_CLIENT && b < GROUP_CLIENT;
    return to_replicas ? a >> 32 == b >> 32 : a == b;
}

static void insert_in_order(open_tree *tree, uint64_t group, uint16_t message) {
    const uint64_t place = group << 8 | message;
    uint16_t at = message;
    while (at > 0 && tree->order[at - 1] > place) {
        tree->order[at] = tree->order[at - 1];
        at--;
    }
    tree->order[at] = place;
}

static uint16_t fragments_of(const col_sealer *sealer, size_t length) {
    if (length <= sealer->message_bytes) return 1;
    return (uint16_t)((length + sealer->fragment_bytes - 1) / sealer->fragment_bytes);
}

static col_destination without_self(const col_sealer_options *options, col_destination to) {
    if (to.replicas == 0) return to;
    if (options->role == COL_ROLE_REPLICA) to.replicas &= ~(UINT32_C(1) << options->signer);
    COL_ASSERT((uint64_t)to.replicas >> options->replicas == 0);
    to.client = (col_endpoint){0};
    return to;
}

static bool has_room(const col_sealer *sealer, const open_tree *tree, uint16_t leaves,
                     size_t bytes) {
    return tree->leaves + leaves <= sealer->options.tree_leaves &&
           bytes <= BODIES_BYTES - tree->bodies_used;
}

/// The tree that takes this many leaves and bytes: the open one, or the next. @return NULL when the
/// last is full
static open_tree *tree_for(col_sealer *sealer, uint16_t leaves, size_t bytes) {
    open_tree *open = sealer->open;
    if (open->leaves == 0 || has_room(sealer, open, leaves, bytes)) return open;
    if (sealer->open + 1 == sealer->tree + sealer->trees) return NULL;
    return ++sealer->open;  // empty, and takes any message
}

static uint8_t *keep_bytes(open_tree *tree, const void *bytes, size_t length) {
    uint8_t *copy = tree->bodies + tree->bodies_used;
    if (length > 0) memcpy(copy, bytes, length);
    tree->bodies_used += (uint32_t)length;
    return copy;
}

/// Keys are kept beside the bodies, once for messages of a session that come after each other.
static const col_mac_key *keep_keys(open_tree *tree, const col_link_seal *link) {
    if (tree->messages > 0) {
        const col_link_seal *last = &tree->message[tree->messages - 1].link;
        if (last->key_version == link->key_version && last->count == link->count) return last->key;
    }
    return (const col_mac_key *)keep_bytes(tree, link->key, link->count * sizeof *link->key);
}

static_assert(_Alignof(col_mac_key) == 1, "keys stand anywhere among the bodies");

static open_tree *links_for(col_sealer *sealer, const col_link_seal *link, uint16_t leaves,
                            size_t bytes) {
    COL_ASSERT(sealer->options.macs != NULL);
    COL_ASSERT(link->count >= 1 && link->count <= COL_REPLICAS_MAX);
    open_tree *links = sealer->links;
    const size_t keys = link->count * sizeof *link->key;
    return links->leaves == 0 || has_room(sealer, links, leaves, bytes + keys) ? links : NULL;
}

bool col_sealer_add(col_sealer *sealer, const col_header *header, col_bytes body,
                    col_destination to) {
    COL_ASSERT(!sealer->flushing);
    COL_ASSERT(header->pillar < COL_PILLARS_MAX);
    COL_ASSERT(col_type_role(header->type) == sealer->options.role);
    COL_ASSERT(body.length <= (col_type_digest_is_given(header->type) ? 0 : COL_MESSAGE_BYTES_MAX));

    const uint16_t fragments = fragments_of(sealer, body.length);
    COL_ASSERT(fragments <= COL_FRAGMENTS_MAX);
    open_tree *tree = to.link ? links_for(sealer, to.link, fragments, body.length)
                              : tree_for(sealer, fragments, body.length);
    if (tree == NULL) return false;

    waiting_message *message = &tree->message[tree->messages];
    *message = (waiting_message){
        .header = *header,
        .to = without_self(&sealer->options, to),
        .body = {keep_bytes(tree, body.at, body.length), body.length},
    };
    message->header.role = sealer->options.role;
    message->header.sender = sealer->options.signer;
    message->header.fragment = 0;
    message->header.fragments = fragments;
    message->group = group_of(&message->to, header->pillar);
    if (to.link != NULL) {
        message->link = *to.link;
        message->link.key = keep_keys(tree, to.link);
        message->to.link = NULL;  // borrowed for this call
    }
    insert_in_order(tree, message->group, tree->messages++);
    tree->leaves = (uint16_t)(tree->leaves + fragments);
    return true;
}

static const waiting_message *message_of(const col_sealer *sealer, uint16_t leaf) {
    return &sealer->open->message[sealer->open->leaf[leaf].message];
}

/// The bytes that leaf `leaf` sends.
static col_bytes bytes_of(const col_sealer *sealer, uint16_t leaf) {
    const waiting_message *message = message_of(sealer, leaf);
    if (message->header.fragments == 1) return message->body;
    const size_t start = (size_t)sealer->open->leaf[leaf].fragment * sealer->fragment_bytes;
    const size_t left = message->body.length - start;
    return (col_bytes){message->body.at + start,
                       left < sealer->fragment_bytes ? left : sealer->fragment_bytes};
}

static col_header header_of(const col_sealer *sealer, uint16_t leaf) {
    col_header header = message_of(sealer, leaf)->header;
    header.fragment = sealer->open->leaf[leaf].fragment;
    return header;
}

static void cut_into_leaves(col_sealer *sealer) {
    uint16_t leaf = 0;
    for (uint16_t i = 0; i < sealer->open->messages; i++) {
        const uint16_t number = sealer->open->order[i] & 0xff;
        const uint16_t fragments = sealer->open->message[number].header.fragments;
        for (uint16_t fragment = 0; fragment < fragments; fragment++) {
            sealer->open->leaf[leaf++] = (leaf_of){number, fragment};
        }
    }
    COL_ASSERT(leaf == sealer->open->leaves);
}

static void hash_bodies(col_sealer *sealer) {
    col_bytes body[COL_TREE_LEAVES_MAX];
    uint16_t owner[COL_TREE_LEAVES_MAX];
    uint16_t count = 0;
    for (uint16_t i = 0; i < sealer->open->messages; i++) {
        if (col_type_digest_is_given(sealer->open->message[i].header.type)) continue;
        body[count] = sealer->open->message[i].body;
        owner[count++] = i;
    }
    const col_hasher *hasher = sealer->options.hasher;
    if (count > 0) hasher->digest(hasher, body, count, sealer->digest);
    for (uint16_t i = 0; i < count; i++)
        sealer->open->message[owner[i]].header.digest = sealer->digest[i];
}

static void hash_fragments(col_sealer *sealer) {
    col_bytes bytes[COL_TREE_LEAVES_MAX];
    uint16_t owner[COL_TREE_LEAVES_MAX];
    uint16_t count = 0;
    for (uint16_t i = 0; i < sealer->open->leaves; i++) {
        if (message_of(sealer, i)->header.fragments == 1) continue;
        bytes[count] = bytes_of(sealer, i);
        owner[count++] = i;
    }
    const col_hasher *hasher = sealer->options.hasher;
    if (count > 0) hasher->digest(hasher, bytes, count, sealer->digest);
    for (uint16_t i = 0; i < count; i++)
        sealer->open->fragment_digest[owner[i]] = sealer->digest[i];
}

static void hash_leaves(col_sealer *sealer) {
    col_bytes input[COL_TREE_LEAVES_MAX];
    for (uint16_t i = 0; i < sealer->open->leaves; i++) {
        const col_header header = header_of(sealer, i);
        const col_digest *fragment =
            header.fragments > 1 ? &sealer->open->fragment_digest[i] : NULL;
        uint8_t *bytes = sealer->leaf_input[i];
        input[i].length = col_leaf_encode(&sealer->options.cluster, &header, fragment, bytes);
        input[i].at = bytes;
    }
    const col_hasher *hasher = sealer->options.hasher;
    hasher->digest(hasher, input, sealer->open->leaves, sealer->digest);
}

/// The root text of the tree in `nodes`.
static void write_root_text(col_sealer *sealer, uint32_t key_version, uint8_t *text) {
    const col_tree *nodes = &sealer->open->nodes;
    const col_root_key root = {.signer = sealer->options.signer,
                               .key_version = key_version,
                               .role = sealer->options.role,
                               .leaves = nodes->leaves,
                               .root = *col_tree_root(nodes)};
    col_root_text(&sealer->options.cluster, &root, text);
}

/// One call for all roots: as many lanes as there are trees.
static void sign_roots(col_sealer *sealer, uint32_t trees) {
    col_sign_job job[COL_BACKEND_LANES_MAX];
    for (uint32_t i = 0; i < trees; i++) {
        open_tree *tree = &sealer->tree[i];
        job[i] = (col_sign_job){.key = sealer->options.key,
                                .message = {tree->root_text, sizeof tree->root_text},
                                .signature = tree->signature};
        col_count(&sealer->options.counters->messages, tree->messages);
    }
    sealer->options.backend->sign(sealer->backend_context, job, trees);
    col_count(&sealer->options.counters->signatures, trees);
    col_count(&sealer->options.counters->sign_calls, 1);
}

static bool seal_is_kept(uint8_t type) {
    return type == COL_PREPARE || type == COL_COMMIT || type == COL_CHECKPOINT;
}

static void report_sealed(const col_sealer *sealer) {
    if (!sealer->options.sealed) return;
    for (uint16_t i = 0; i < sealer->open->leaves; i++) {
        const waiting_message *message = message_of(sealer, i);
        if (!seal_is_kept(message->header.type)) continue;
        col_digest path[COL_TREE_DEPTH_MAX];
        const col_seal_view view = {.key_version = COL_KEY_VERSION,
                                    .leaves = sealer->open->leaves,
                                    .index = i,
                                    .scheme = sealer->scheme,
                                    .depth = col_tree_path(&sealer->open->nodes, i, path),
                                    .signature = {sealer->open->signature, sealer->signature_bytes},
                                    .path = path[0].byte};
        uint8_t seal[COL_SEAL_BYTES_MAX];
        const size_t used = col_seal_write(&view, seal);
        sealer->options.sealed(sealer->options.sealed_context, &message->header,
                               (col_seal){seal, used});
    }
}

/// How many of these leaves, ascending, fit one datagram. At least one.
static uint16_t leaves_that_fit(const col_sealer *sealer, const uint16_t *leaf, uint16_t count) {
    const size_t room = sealer->options.egress->datagram_bytes;
    size_t entries_bytes = 0;
    int siblings = 0;
    int32_t last = -1;
    uint16_t taken = 0;
    for (; taken < count; taken++) {
        const col_header *header = &message_of(sealer, leaf[taken])->header;
        entries_bytes += col_entry_size(header, false, bytes_of(sealer, leaf[taken]).length);
        siblings += col_tree_siblings_change(sealer->open->leaves, last, leaf[taken]);
        const size_t overhead = col_bundle_overhead(sealer->signature_bytes, (size_t)siblings);
        if (overhead + entries_bytes > room) break;
        last = leaf[taken];
    }
    COL_ASSERT(taken > 0);
    return taken;
}

/// Write the datagram of `bundle`'s leaves. @param first leaf of the tree @return its length
static uint32_t write_datagram(col_sealer *sealer, const col_bundle *bundle, const uint16_t *leaf,
                               uint16_t first) {
    col_writer writer = col_writer_of(sealer->datagram, sealer->options.egress->datagram_bytes);
    col_bundle_write(&writer, bundle);
    for (uint16_t i = 0; i < bundle->entries; i++) {
        const col_entry entry = {.message = {header_of(sealer, leaf[i]), bytes_of(sealer, leaf[i])},
                                 .index = (uint16_t)(leaf[i] - first)};
        col_entry_write(&writer, &entry);
    }
    COL_ASSERT(!writer.failed);
    return (uint32_t)col_writer_used(&writer);
}

static uint32_t write_signed(col_sealer *sealer, const uint16_t *leaf, uint16_t count) {
    col_digest sibling[COL_TREE_SIBLINGS_MAX];
    const uint16_t siblings = col_tree_siblings(&sealer->open->nodes, leaf, count, sibling);
    const col_bundle bundle = {.pillar = message_of(sealer, leaf[0])->header.pillar,
                               .role = sealer->options.role,
                               .scheme = sealer->scheme,
                               .signer = sealer->options.signer,
                               .key_version = COL_KEY_VERSION,
                               .leaves = sealer->open->leaves,
                               .entries = count,
                               .siblings = siblings,
                               .cluster_tag = sealer->cluster_tag,
                               .signature = {sealer->open->signature, sealer->signature_bytes},
                               .sibling = sibling[0].byte};
    return write_datagram(sealer, &bundle, leaf, 0);
}

static void send(col_sealer *sealer, col_endpoint to, uint32_t length) {
    col_egress *egress = sealer->options.egress;
    uint8_t *room = egress->reserve(egress);
    if (!room) return;  // counted by the egress
    memcpy(room, sealer->datagram, length);
    egress->send(egress, to, length);
    col_count(&sealer->options.counters->datagrams, 1);
    col_count(&sealer->options.counters->bytes, length);
}

/// Send the datagram that was written to every receiver.
static void send_to(col_sealer *sealer, const col_destination *to, uint8_t pillar,
                    uint32_t length) {
    if (to->replicas == 0 && to->client.port != 0) send(sealer, to->client, length);
    for (uint32_t left = to->replicas; left != 0; left &= left - 1) {
        col_endpoint replica = sealer->options.replica[__builtin_ctz(left)];
        replica.port = (uint16_t)(replica.port + pillar);
        send(sealer, replica, length);
    }
}

/// Send leaves to every receiver of `to`: each datagram is written once.
static void send_leaves(col_sealer *sealer, const uint16_t *leaf, uint16_t count,
                        col_destination to) {
    COL_ASSERT(count > 0);
    const uint8_t pillar = message_of(sealer, leaf[0])->header.pillar;
    while (count > 0) {
        const uint16_t taken = leaves_that_fit(sealer, leaf, count);
        send_to(sealer, &to, pillar, write_signed(sealer, leaf, taken));
        leaf += taken;
        count = (uint16_t)(count - taken);
    }
}

/// Send the leaves first .. end-1, all of one pillar: replicas that get the same ones together.
static void send_to_replicas(col_sealer *sealer, uint16_t first, uint16_t end) {
    uint32_t remaining = 0;
    for (uint16_t i = first; i < end; i++) remaining |= message_of(sealer, i)->to.replicas;

    while (remaining != 0) {
        const uint32_t one = remaining & -remaining;
        uint32_t alike = remaining;
        uint16_t leaf[COL_TREE_LEAVES_MAX];
        uint16_t count = 0;
        for (uint16_t i = first; i < end; i++) {
            const uint32_t replicas = message_of(sealer, i)->to.replicas;
            if (replicas & one) leaf[count++] = i;
            alike &= replicas & one ? replicas : ~replicas;
        }
        send_leaves(sealer, leaf, count, (col_destination){.replicas = alike});
        remaining &= ~alike;
    }
}

static void send_to_client(col_sealer *sealer, uint16_t first, uint16_t end) {
    uint16_t leaf[COL_TREE_LEAVES_MAX];
    for (uint16_t i = first; i < end; i++) leaf[i - first] = i;
    send_leaves(sealer, leaf, (uint16_t)(end - first), message_of(sealer, first)->to);
}

static void send_groups(col_sealer *sealer) {
    uint16_t end;
    for (uint16_t first = 0; first < sealer->open->leaves; first = end) {
        const uint64_t group = message_of(sealer, first)->group;
        end = (uint16_t)(first + 1);
        while (end < sealer->open->leaves &&
               shares_datagrams(group, message_of(sealer, end)->group)) {
            end++;
        }
        if (group == GROUP_NOBODY) continue;
        if (group < GROUP_CLIENT) {
            send_to_replicas(sealer, first, end);
        } else {
            send_to_client(sealer, first, end);
        }
    }
}

static void hash_messages(col_sealer *sealer) {
    hash_bodies(sealer);
    cut_into_leaves(sealer);
    hash_fragments(sealer);
    hash_leaves(sealer);
}

static void finish_tree(col_sealer *sealer) {
    open_tree *tree = sealer->open;
    hash_messages(sealer);
    col_tree_build(&tree->nodes, sealer->options.hasher, sealer->digest, tree->leaves);
    write_root_text(sealer, COL_KEY_VERSION, tree->root_text);
}

static void empty(open_tree *tree) {
    tree->messages = 0;
    tree->leaves = 0;
    tree->bodies_used = 0;
}

static void flush_trees(col_sealer *sealer) {
    const open_tree *end = sealer->open + 1;
    for (sealer->open = sealer->tree; sealer->open < end; sealer->open++) finish_tree(sealer);
    sign_roots(sealer, (uint32_t)(end - sealer->tree));
    for (sealer->open = sealer->tree; sealer->open < end; sealer->open++) {
        report_sealed(sealer);
        send_groups(sealer);
        empty(sealer->open);
    }
    sealer->open = sealer->tree;
}

// Sessions with MACs: sealer->open is sealer->links.

/// May the leaves travel together?
static bool same_link(const waiting_message *a, const waiting_message *b) {
    return a->group == b->group && a->header.pillar == b->header.pillar &&
           a->to.replicas == b->to.replicas && a->to.client.address == b->to.client.address &&
           a->to.client.port == b->to.client.port;
}

/// Plan the datagram that begins with leaf `first`, and seal its tree.
static void plan_link(col_sealer *sealer, uint16_t first, link_datagram *datagram) {
    const open_tree *links = sealer->links;
    const waiting_message *head = message_of(sealer, first);
    size_t bytes = col_bundle_overhead(head->link.count * COL_MAC_BYTES, 0);
    uint16_t end = first;
    for (; end < links->leaves; end++) {
        const waiting_message *message = message_of(sealer, end);
        bytes += col_entry_size(&message->header, false, bytes_of(sealer, end).length);
        if (!same_link(head, message) || bytes > sealer->options.egress->datagram_bytes) break;
    }
    COL_ASSERT(end > first);
    datagram->first = first;
    datagram->leaves = (uint16_t)(end - first);
    col_tree_build(&sealer->links->nodes, sealer->options.hasher, &sealer->digest[first],
                   datagram->leaves);
    write_root_text(sealer, head->link.key_version, datagram->root_text);
}

static void compute_macs(col_sealer *sealer, uint32_t datagrams) {
    uint32_t jobs = 0;
    for (uint32_t i = 0; i < datagrams; i++) {
        link_datagram *datagram = &sealer->link[i];
        const col_link_seal *link = &message_of(sealer, datagram->first)->link;
        for (uint32_t k = 0; k < link->count; k++) {
            sealer->mac_job[jobs++] =
                (col_mac_job){.key = &link->key[k],
                              .message = {datagram->root_text, sizeof datagram->root_text},
                              .mac = datagram->macs + k * COL_MAC_BYTES};
        }
    }
    col_macs_compute(sealer->options.macs, sealer->mac_job, jobs);
    col_count(&sealer->options.counters->macs, jobs);
}

static void send_link(col_sealer *sealer, const link_datagram *datagram) {
    const waiting_message *head = message_of(sealer, datagram->first);
    uint16_t leaf[COL_TREE_LEAVES_MAX];
    for (uint16_t i = 0; i < datagram->leaves; i++) leaf[i] = (uint16_t)(datagram->first + i);
    const col_bundle bundle = {.pillar = head->header.pillar,
                               .role = sealer->options.role,
                               .scheme = COL_SCHEME_HMAC,
                               .signer = sealer->options.signer,
                               .key_version = head->link.key_version,
                               .leaves = datagram->leaves,
                               .entries = datagram->leaves,
                               .cluster_tag = sealer->cluster_tag,
                               .signature = {datagram->macs, head->link.count * COL_MAC_BYTES}};
    const uint32_t length = write_datagram(sealer, &bundle, leaf, datagram->first);
    send_to(sealer, &head->to, head->header.pillar, length);
}

static void flush_links(col_sealer *sealer) {
    open_tree *signed_tree = sealer->open;
    sealer->open = sealer->links;
    hash_messages(sealer);
    uint16_t first = 0;
    while (first < sealer->links->leaves) {
        uint32_t datagrams = 0;
        while (datagrams < LINK_BURST && first < sealer->links->leaves) {
            plan_link(sealer, first, &sealer->link[datagrams]);
            first = (uint16_t)(first + sealer->link[datagrams++].leaves);
        }
        compute_macs(sealer, datagrams);
        for (uint32_t i = 0; i < datagrams; i++) send_link(sealer, &sealer->link[i]);
    }
    empty(sealer->links);
    sealer->open = signed_tree;
}

void col_sealer_flush(col_sealer *sealer) {
    COL_ASSERT(!sealer->flushing);
    sealer->flushing = true;
    if (sealer->links->leaves > 0) flush_links(sealer);
    if (sealer->tree[0].leaves > 0) flush_trees(sealer);
    sealer->flushing = false;
}
